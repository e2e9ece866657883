import {
  type CaseFiles,
  counted,
  type EventListener,
  FileError,
  gigabytes,
  isNnunetError,
  labelSet,
  StageError,
  type StageOptions,
  spatialShape,
  type VolumeShape,
} from "@nnunet/core";
import { writeChunksAtomic, writeFileAtomic } from "@nnunet/core/node";
import type { PredictionLimits } from "@nnunet/inference";
import { v2ProbabilitiesChunks, v2PropertiesPickle } from "@nnunet/interop";
import { type DicomChoice, readDicomSource, readStoredImage, writeImage, writeNiftiChannels } from "@nnunet/io";
import { storedProbabilitiesHash } from "@nnunet/preprocess";
import { warnOfImages } from "../steps/image-warnings.ts";
import { timedStage } from "../steps/timed-stage.ts";
import { type Context, identity } from "../stages.ts";
import { takeTurns } from "../workers/take-turns.ts";
import { describeOutlook, lookAhead, strangeIntensities } from "./case-outlook.ts";
import { checkOutputs, type ExistingResults, isDone, outputsOf, type ProbabilityForm } from "./case-outputs.ts";
import type { LoadedPredictor } from "./load-predictor.ts";
import { type MembersOptions, predictByMembers } from "./predict-by-members.ts";
import { pourChannels } from "./pour-channels.ts";
import { isSegmentationObject } from "./prediction-output.ts";
import { type CaseOutputs, predictionRecord, type RecordPlace } from "./prediction-record.ts";
import { writeSegmentationObject } from "./write-segmentation-object.ts";

/** What V8 and the network's runtime take beyond the arrays that are counted, and leave lying for a while. */
const PROCESS_GROWTH = 120e6;

export interface CasesOptions extends StageOptions, PredictionLimits, DicomChoice {
  readonly mirroring?: boolean | undefined;
  readonly stepFraction?: number | undefined;
  readonly saveProbabilities?: ProbabilityForm | undefined;
  /** Keep the probabilities of each case here, compressed, as `<case>.zarr`; needs `record`. */
  readonly probabilityStore?: string | undefined;
  /** Where the segmentation of a case goes. */
  readonly target: (files: CaseFiles) => string;
  readonly existing: ExistingResults;
  /** Where it is noted what each segmentation is made from; without, no result can be kept. */
  readonly record?: RecordPlace;
  /** Called when nothing is left to be refused, before the first case. */
  readonly begin?: () => Promise<void>;
}

/**
 * Predicts cases one after the other and writes each as soon as it is done. Several processes may do so in one folder:
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
    });
  const outputs = new Map<CaseFiles, CaseOutputs>();
  const { seriesUid, volume } = options;
  const choice: DicomChoice = { seriesUid, volume };
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
  for (const files of left) if (isSegmentationObject(target(files))) await refuseOtherSource(files, choice);
  const taken = process.memoryUsage.rss() + PROCESS_GROWTH;
  const expected = await lookAhead(predictor, left, { ...options, taken });
  await options.begin?.();
  const total = left.length;
  const written: string[] = [];
  if (total === 0) return written;
  const detail = counted(total, "case");
  const tell = (text: string) => onEvent?.({ type: "message", stage: "predict", level: "info", text });
  tell(`${detail}: ${describeOutlook(expected)}`);
  tell(`kernels of the network: ${kernelsOf(predictor)}`);
  return timedStage("predict", { total, detail }, { onEvent }, async () => {
    let done = 0;
    const turns = {
      stage: "predict",
      work: "prediction",
      writes: target,
      wait: existing === "continue" || existing === "update",
      signal,
      onEvent,
    };
    await takeTurns(left, turns, async (files) => {
      const own = outputs.get(files)!;
      try {
        // Another process may have made it since.
        if (!(await isFinished(files))) {
          await record?.begin(files, own);
          // One case alone shows its patches; many show cases.
          const shown = total === 1 ? onEvent : undefined;
          const onWarning = warnOfImages("predict", onEvent);
          const { maxMemoryGb, maxPatches } = options;
          const limits = { maxMemoryGb, maxPatches, taken };
          const how = {
            choice,
            mirroring,
            stepFraction,
            limits,
            overwrite: existing !== "refuse",
            onWarning,
            signal,
            onEvent: shown,
          };
          const hear = (text: string) => onEvent?.({ type: "message", stage: "predict", level: "warning", text });
          const keep = store === undefined ? undefined : { folder: store, contentHash: await record!.inputsOf(files) };
          await predictOne(context, predictor, files, own, { ...how, hear, keep });
          await record?.end(files, own);
          written.push(...own.images, ...Object.values(own.v2 ?? {}));
        }
      } catch (error) {
        throw isNnunetError(error, "CANCELLED") ? error : new StageError("predict", files.id, error);
      }
      onEvent?.({ type: "progress", stage: "predict", done: ++done, total, item: files.id });
    });
    for (const files of record ? cases : []) {
      if (await record!.isOurs(files, outputs.get(files)!)) continue;
      const problem = "was replaced meanwhile by another process, which has other models or options";
      throw new FileError(target(files), `${problem}; run one of the two again with an output folder of its own`);
    }
    const peak = process.resourceUsage().maxRSS * 1024;
    tell(`${gigabytes(peak)} of memory at the peak; ${gigabytes(expected.memory)} had been expected at most`);
    return { result: written };
  });
}

/** "in blocks of 16 channels" */
function kernelsOf({ members }: LoadedPredictor): string {
  const models = members.flatMap((member) => [...member.models, ...(member.previous ?? [])]);
  return [...new Set(models.map(({ kernels = "of its own" }) => kernels))].join("; ");
}

async function predictOne(
  context: Context,
  predictor: LoadedPredictor,
  { label: _, ...files }: CaseFiles,
  { images: [path, probabilitiesPath], v2 }: CaseOutputs,
  options: StageOptions & {
    readonly mirroring: boolean;
    readonly stepFraction: number;
    readonly overwrite: boolean;
    readonly limits: PredictionLimits;
    readonly choice: DicomChoice;
    readonly keep: MembersOptions["keep"];
    readonly hear: (warning: string) => void;
    readonly onWarning: ReturnType<typeof warnOfImages>;
    readonly onEvent: EventListener | undefined;
  },
): Promise<void> {
  const { overwrite, limits, onWarning, hear, choice, ...how } = options;
  const source = isSegmentationObject(path) ? await readDicomSource(files.images[0]!, choice) : undefined;
  const image = await readStoredImage(files, predictor.metadata.dataset, { ...choice, onWarning });
  const strange = strangeIntensities(files.id, image.image, predictor.metadata);
  if (strange !== undefined) hear(strange);
  const predict = (onProbabilities?: (channel: Float32Array) => Promise<void>) =>
    predictByMembers(context, predictor, image, { ...how, ...limits, onProbabilities, scratch: path });
  const { geometry } = image.image;
  const { outputChannels } = labelSet(predictor.metadata.dataset);
  const shape: VolumeShape = [outputChannels, ...spatialShape(image.image)];
  const take = async (pieces: AsyncIterable<Float32Array>) => {
    if (probabilitiesPath !== undefined) await writeNiftiChannels(probabilitiesPath, { shape, geometry }, pieces);
    else if (v2) await writeChunksAtomic(v2.npz, v2ProbabilitiesChunks(shape, pieces));
  };
  const asked = probabilitiesPath !== undefined || v2 !== undefined;
  // The segmentation last: where it is, the case is finished.
  const { segmentation } = await (asked ? pourChannels(take, predict) : predict());
  if (v2) await writeFileAtomic(v2.pkl, v2PropertiesPickle(geometry));
  if (source) await writeSegmentationObject(path, segmentation, source, choice, predictor, how, onWarning);
  else await writeImage(path, segmentation, { overwrite });
}

/** A DICOM segmentation belongs to a series; that there is none is told before the first case is begun. */
async function refuseOtherSource({ id, images }: CaseFiles, choice: DicomChoice): Promise<void> {
  try {
    await readDicomSource(images[0]!, choice);
  } catch (error) {
    throw new StageError("predict", id, error);
  }
}
