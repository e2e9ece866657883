import {
  type CaseFiles,
  type EventListener,
  FileError,
  InvalidArgumentError,
  isSegError,
  labelSet,
  StageError,
  type StageOptions,
  throwIfCancelled,
} from "@nnunet/core";
import { pathBelow } from "@nnunet/core/node";
import type { Model } from "@nnunet/inference";
import { readCase, writeImage } from "@nnunet/io";
import { inputCases } from "./input-cases.ts";
import { exists } from "../records/made-from.ts";
import {
  describePredictions,
  namesOneFile,
  probabilitiesPath,
  refuseInputsAsOutputs,
  segmentationEnding,
} from "./prediction-output.ts";
import type { Context } from "../stages.ts";
import { warnOfImages } from "../steps/image-warnings.ts";
import { timedStage } from "../steps/timed-stage.ts";

export interface PredictionOptions extends StageOptions {
  /** Average over mirrored copies of each patch; true by default. Up to 8 times the work. */
  readonly mirroring?: boolean;
  /** Stride between patches as a fraction of the patch; 0.5 by default. */
  readonly stepSize?: number;
  /** Also write `<case>_probabilities.nii.gz`, one float32 channel per class or region. */
  readonly saveProbabilities?: boolean;
  /** Replace segmentations that exist; otherwise they are an error, found before any work. */
  readonly overwrite?: boolean;
  /** Keep segmentations that exist and predict the other cases. A file is written whole or not at all. */
  readonly continue?: boolean;
}

/**
 * Images → segmentations in the geometry of each image.
 *
 * @param models - the folds of one configuration; their mean is taken
 * @param input - a file, a folder of files, or a folder of one DICOM series
 * @param output - a file if `input` is one case and this ends like an image file, otherwise a folder that gets
 *   `<case>` with the dataset's file ending (`.nii.gz` where that cannot be written), `dataset.json` and `plans.json`
 * @returns the files written
 * @throws {UnsupportedError} if the output's format cannot be written or cannot hold the image
 * @throws {FileError} if a segmentation exists, or the output is an input, or belongs to something else
 */
export async function predictFiles(
  context: Context,
  models: readonly Model[],
  input: string,
  output: string,
  options: PredictionOptions = {},
): Promise<string[]> {
  const { metadata } = models[0]!;
  const toFile = await namesOneFile(input, output);
  const cases = await inputCases(input, metadata.dataset.channelNames);
  if (toFile && cases.length > 1) {
    throw new FileError(output, `is one file, but ${input} holds ${cases.length} cases; name a folder instead`);
  }
  const ending = toFile ? "" : await segmentationEnding(metadata.dataset, cases, options);
  const target = (files: CaseFiles) => (toFile ? output : pathBelow(output, `${files.id}${ending}`));
  return predictCases(context, models, cases, target, options, async () => {
    if (!toFile) await describePredictions(output, metadata);
  });
}

/**
 * Predicts cases one after the other and writes each as soon as it is done.
 *
 * @param begin - called when nothing is left to be refused, before the first case
 */
export async function predictCases(
  context: Context,
  models: readonly Model[],
  cases: readonly CaseFiles[],
  target: (files: CaseFiles) => string,
  options: PredictionOptions,
  begin: () => Promise<void> = async () => {},
): Promise<string[]> {
  const { dataset } = models[0]!.metadata;
  const { signal, onEvent } = options;
  if (labelSet(dataset).outputChannels < 1) throw new FileError("dataset.json", "declares no foreground label");
  const left = await casesLeft(cases, target, options);
  await begin();
  const total = left.length;
  const written: string[] = [];
  if (total === 0) return written;
  const detail = `${total} ${total === 1 ? "case" : "cases"}`;
  return timedStage("predict", { total, detail }, { onEvent }, async () => {
    for (const [index, files] of left.entries()) {
      throwIfCancelled(signal, "prediction");
      try {
        // One case alone shows its patches; many show cases.
        const shown = total === 1 ? onEvent : undefined;
        written.push(...(await predictOne(context, models, files, target(files), options, shown)));
      } catch (error) {
        throw isSegError(error, "CANCELLED") ? error : new StageError("predict", files.id, error);
      }
      onEvent?.({ type: "progress", stage: "predict", done: index + 1, total, item: files.id });
    }
    return { result: written };
  });
}

/** The cases that are to be predicted, after everything that can be refused has been. */
async function casesLeft(
  cases: readonly CaseFiles[],
  target: (files: CaseFiles) => string,
  { saveProbabilities = false, overwrite = false, continue: goOn = false, onEvent }: PredictionOptions,
): Promise<readonly CaseFiles[]> {
  if (overwrite && goOn) throw new InvalidArgumentError("continue", "one of continue and overwrite", "both");
  const outputs = (files: CaseFiles) => {
    const path = target(files);
    return saveProbabilities ? [path, probabilitiesPath(path)] : [path];
  };
  await refuseInputsAsOutputs(cases, cases.flatMap(outputs));
  if (overwrite) return cases;
  const left: CaseFiles[] = [];
  for (const files of cases) {
    const there = await Promise.all(outputs(files).map(exists));
    if (!there.every(Boolean)) left.push(files);
    const found = outputs(files)[there.indexOf(true)];
    if (found === undefined || goOn) continue;
    const more = cases.length > 1 ? "--continue to keep it and predict the other cases, or " : "";
    throw new FileError(found, `exists already; add ${more}--overwrite to replace it, or choose another output`);
  }
  if (left.length < cases.length) {
    const text = `${cases.length - left.length} of ${cases.length} cases are segmented already`;
    onEvent?.({ type: "message", stage: "predict", level: "info", text });
  }
  return left;
}

async function predictOne(
  { stages }: Context,
  models: readonly Model[],
  { label: _, ...files }: CaseFiles,
  path: string,
  {
    mirroring = true,
    stepSize = 0.5,
    saveProbabilities = false,
    overwrite = false,
    signal,
    onEvent: hear,
  }: PredictionOptions,
  onEvent: EventListener | undefined,
): Promise<string[]> {
  const onWarning = warnOfImages("predict", hear);
  const image = await readCase(files, models[0]!.metadata.dataset, { onWarning });
  const { segmentation, probabilities } = await stages.predictImage(models, image, {
    mirroring,
    stepSize,
    probabilities: saveProbabilities,
    signal,
    onEvent,
  });
  const written: string[] = [];
  // The segmentation last: where it is, the case is finished.
  if (probabilities) {
    await writeImage(probabilitiesPath(path), probabilities);
    written.push(probabilitiesPath(path));
  }
  await writeImage(path, segmentation, { overwrite });
  return [path, ...written];
}
