import { stat } from "node:fs/promises";
import {
  type CaseFiles,
  counted,
  FileError,
  gigabytes,
  isNnunetError,
  labelSet,
  memoryLimit,
  type NnunetEvent,
  StageError,
  type StageOptions,
} from "@nnunet/core";
import { freeMemory } from "@nnunet/core/node";
import type { PredictionLimits } from "@nnunet/inference";
import type { DicomChoice } from "@nnunet/io";
import { storedProbabilitiesHash } from "@nnunet/preprocess";
import { firstThere } from "../records/first-there.ts";
import { timedStage } from "../steps/timed-stage.ts";
import { type Context, identity } from "../stages.ts";
import { takeTurns } from "../workers/take-turns.ts";
import { describeOutlook, describeTime, inTurn, lookAhead, nothingExpected } from "./case-outlook.ts";
import { checkOutputs, type ExistingResults, isDone, outputsOf, type ProbabilityForm } from "./case-outputs.ts";
import { openCaseThreads, threadData } from "./case-threads.ts";
import { refuseEarlierProbabilities } from "./earlier-probabilities.ts";
import { expectedSeconds } from "./expected-time.ts";
import { imageChoice } from "./image-choice.ts";
import type { LoadedPredictor } from "./load-predictor.ts";
import { neighbouringCases } from "./neighbouring-cases.ts";
import { isSegmentationObject } from "./prediction-output.ts";
import { type CaseOutputs, predictionRecord, type RecordPlace } from "./prediction-record.ts";
import { type CaseTask, segmentCase } from "./segment-case.ts";
import { type ObjectOf, refuseOtherSource } from "./write-segmentation-object.ts";

/** What V8 and the network's runtime take beyond the arrays that are counted, and leave lying for a while. */
const PROCESS_GROWTH = 120e6;

export interface CasesOptions extends StageOptions, PredictionLimits, DicomChoice {
  readonly mirroring?: boolean | undefined;
  readonly stepFraction?: number | undefined;
  readonly bodyMask?: boolean | undefined;
  readonly saveProbabilities?: ProbabilityForm | undefined;
  /** Keep the probabilities of each case here, compressed, as `<case>.zarr`; needs `record`. */
  readonly probabilityStore?: string | undefined;
  /** Where the segmentation of a case goes. */
  readonly target: (files: CaseFiles) => string;
  readonly existing: ExistingResults;
  /** Where it is noted what each segmentation is made from; without, no result can be kept. */
  readonly record?: RecordPlace;
  /** Cases in work at a time, each in a thread; by default as many as cores, memory and work allow. */
  readonly casesAtOnce?: number | undefined;
  /** The DICOM series that the image of a case was converted from, which its segmentation object belongs to. */
  readonly convertedFrom?: ((files: CaseFiles) => string) | undefined;
  /** Called when nothing is left to be refused, before the first case. */
  readonly begin?: () => Promise<void>;
}

/**
 * Predicts cases in their order, neighbours overlapping, and writes each as soon as it is done. Several processes may do so in one folder:
 * a case that another one is at is left to it where results may be kept, and refused where not.
 *
 * @returns the files written
 */
export async function predictCases(
  context: Context,
  predictor: LoadedPredictor,
  cases: readonly CaseFiles[],
  options: CasesOptions,
): Promise<string[]> {
  const { dataset } = predictor.metadata;
  const {
    mirroring = true,
    stepFraction = 0.5,
    bodyMask = false,
    saveProbabilities = false,
    target,
    existing,
    signal,
    onEvent,
  } = options;
  if (labelSet(dataset).outputChannels < 1) throw new FileError("dataset.json", "declares no foreground label");
  const record =
    options.record &&
    predictionRecord(options.record, predictor, {
      predictor: identity(context.stages.predictor),
      mirroring,
      stepFraction,
      ...(bodyMask && { bodyMask }),
    });
  const outputs = new Map<CaseFiles, CaseOutputs>();
  const { seriesUid, volume } = options;
  const chosen: DicomChoice = { seriesUid, volume };
  const choice = imageChoice(options);
  const objectOf = (files: CaseFiles): ObjectOf | undefined =>
    isSegmentationObject(target(files))
      ? { path: options.convertedFrom?.(files) ?? files.images[0]!, choice: chosen }
      : undefined;
  for (const files of cases) outputs.set(files, await outputsOf(files, target(files), saveProbabilities, choice));
  await checkOutputs(outputs);
  const store = options.probabilityStore;
  const hasProbabilities = async (files: CaseFiles) =>
    store === undefined || (await storedProbabilitiesHash(store, files.id)) === (await record?.inputsOf(files));
  const isFinished = async (files: CaseFiles) =>
    (await isDone(files, outputs.get(files)!, existing, record)) && (await hasProbabilities(files));
  const left: CaseFiles[] = [];
  for (const files of cases) if (!(await isFinished(files))) left.push(files);
  if (left.length < cases.length) {
    const text = `${cases.length - left.length} of ${counted(cases.length, "case")} segmented already`;
    onEvent?.({ type: "message", stage: "predict", level: "info", text });
  }
  for (const files of existing === "update" ? [] : left) {
    await refuseEarlierProbabilities(files, outputs.get(files)!, record, store);
  }
  for (const files of left) {
    const series = objectOf(files);
    try {
      if (series) await refuseOtherSource(files.images[0]!, series);
    } catch (error) {
      throw new StageError("predict", files.id, error);
    }
  }
  const taken = process.memoryUsage.rss() + PROCESS_GROWTH;
  const { outlooks, timeOf } = await lookAhead(predictor, left, { ...options, ...choice, taken });
  await options.begin?.();
  const total = left.length;
  if (total === 0) return [];
  const tell = (text: string) => onEvent?.({ type: "message", stage: "predict", level: "info", text });
  const again = existing === "continue" ? await countThere(left.map((files) => outputs.get(files)!)) : 0;
  const limit = memoryLimit(options.maxMemoryGb, taken + freeMemory() / 2).bytes;
  const data = total > 1 ? threadData(context, predictor, { onEvent }) : undefined;
  const { atOnce, networkThreads, memory, told } = neighbouringCases(
    outlooks.map(({ memory, work }) => ({ memory, seconds: expectedSeconds(work) })),
    {
      taken,
      limit,
      weights: await bytesOf(predictor.files),
      wanted: data ? options.casesAtOnce : 1,
      networkThreads: data?.from.threads,
    },
  );
  const expected = { ...outlooks.reduce(inTurn, nothingExpected), memory };
  const time = timeOf(expected.work);
  const began = performance.now();
  const detail = `${counted(total, "case")}: ${describeOutlook(expected, time)}`;
  return timedStage("predict", { total, detail }, { onEvent }, async () => {
    if (again > 0) {
      const text = `${counted(again, "result")} of another image, model or option, or not whole, ${again === 1 ? "is" : "are"} made again`;
      onEvent?.({ type: "message", stage: "predict", level: "warning", text });
    }
    tell(`kernels of the network: ${kernelsOf(predictor)}`);
    if (data) tell(told);
    const threads = atOnce > 1 ? openCaseThreads(data!, atOnce, networkThreads!) : undefined;
    const { maxPatches } = options;
    // Neighbours were counted as they lie in memory, so none of them goes over the disk.
    const maxMemoryGb = threads ? limit / 1e9 : options.maxMemoryGb;
    const written = new Map<CaseFiles, readonly string[]>();
    const onWarning = (event: NnunetEvent) => onEvent?.(event);
    let done = 0;
    const turns = {
      stage: "predict",
      work: "prediction",
      writes: target,
      wait: existing === "continue" || existing === "update",
      // Locks and records of the next cases wait for the network too; what waits for a thread takes no memory.
      atOnce: atOnce > 1 ? atOnce + 2 : 1,
      signal,
      onEvent,
    };
    try {
      await takeTurns(left, turns, async (files, own) => {
        const caseOutputs = outputs.get(files)!;
        try {
          // Another process may have made it since.
          if (!(await isFinished(files))) {
            await record?.begin(files, caseOutputs);
            const task: CaseTask = {
              files,
              outputs: caseOutputs,
              mirroring,
              stepFraction,
              bodyMask,
              overwrite: existing !== "refuse",
              limits: { maxMemoryGb, maxPatches, taken },
              choice,
              objectOf: objectOf(files),
              keep: store === undefined ? undefined : { folder: store, contentHash: await record!.inputsOf(files) },
            };
            if (threads) await threads.segment(task, { onWarning, signal: own });
            // One case alone shows its patches; many show cases.
            else
              await segmentCase(context, predictor, task, {
                onWarning,
                signal: own,
                onEvent: total === 1 ? onEvent : undefined,
              });
            await record?.end(files, caseOutputs);
            written.set(files, [...caseOutputs.images, ...Object.values(caseOutputs.v2 ?? {})]);
          }
        } catch (error) {
          throw isNnunetError(error, "CANCELLED") ? error : new StageError("predict", files.id, error);
        }
        onEvent?.({ type: "progress", stage: "predict", done: ++done, total, item: files.id });
      });
    } catch (error) {
      if (record && done > 0) tell(`${done} of ${counted(total, "case")} done, which \`continue\` keeps`);
      throw error;
    } finally {
      await threads?.close();
    }
    for (const files of record ? cases : []) {
      if (await record!.isOurs(files, outputs.get(files)!)) continue;
      const problem = "was replaced meanwhile by another process, which has other models or options";
      throw new FileError(target(files), `${problem}; run one of the two again with an output folder of its own`);
    }
    const peak = process.resourceUsage().maxRSS * 1024;
    const took = { seconds: (performance.now() - began) / 1000, measured: true };
    tell(
      `took ${gigabytes(peak)} of memory at the peak and ${describeTime(took)}; at most ${gigabytes(expected.memory)} and ${describeTime(time)} had been expected`,
    );
    return { result: left.flatMap((files) => written.get(files) ?? []) };
  });
}

/** How many cases have a result, of whatever it was made. */
async function countThere(outputs: readonly CaseOutputs[]): Promise<number> {
  let count = 0;
  for (const { files } of outputs) if ((await firstThere(files)) !== undefined) count++;
  return count;
}

async function bytesOf(files: readonly string[]): Promise<number> {
  let bytes = 0;
  for (const file of files) bytes += (await stat(file)).size;
  return bytes;
}

/** "in blocks of 16 channels" */
function kernelsOf({ members }: LoadedPredictor): string {
  const models = members.flatMap((member) => [...member.models, ...(member.previous ?? [])]);
  return [...new Set(models.map(({ kernels = "of its own" }) => kernels))].join("; ");
}
