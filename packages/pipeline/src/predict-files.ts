import { dirname, join } from "node:path";
import {
  type CaseFiles,
  datasetToJson,
  FileError,
  labelSet,
  plansToJson,
  StageError,
  isSegError,
  type StageOptions,
  throwIfCancelled,
} from "@nnunet/core";
import { writeJsonAtomic } from "@nnunet/core/node";
import type { Model } from "@nnunet/inference";
import { readCase, writeImage } from "@nnunet/io";
import { imageStem, inputCases } from "./input-cases.ts";
import { exists } from "./made-from.ts";
import type { Context } from "./stages.ts";
import { timedStage } from "./timed-stage.ts";

export interface PredictionOptions extends StageOptions {
  /** Average over mirrored copies of each patch; true by default. Up to 8 times the work. */
  readonly mirroring?: boolean;
  /** Stride between patches as a fraction of the patch; 0.5 by default. */
  readonly stepSize?: number;
  /** Also write `<case>_probabilities.nii.gz`, one float32 channel per class or region. */
  readonly saveProbabilities?: boolean;
  /** Replace outputs that exist; otherwise they are an error, found before any work. */
  readonly overwrite?: boolean;
}

/**
 * Images → segmentations in the geometry of each image.
 *
 * @param models - the folds of one configuration; their mean is taken
 * @param input - a file, a folder of files, or a folder of one DICOM series
 * @param output - a file if `input` is one case and this ends like an image file, otherwise a folder that gets
 *   `<case>.nii.gz`, `dataset.json` and `plans.json`
 * @returns the files written
 */
export async function predictFiles(
  context: Context,
  models: readonly Model[],
  input: string,
  output: string,
  options: PredictionOptions = {},
): Promise<string[]> {
  const metadata = models[0]!.metadata;
  const cases = await inputCases(input, metadata.dataset.channelNames);
  const toFile = imageStem(output) !== undefined;
  if (toFile && cases.length > 1) {
    throw new FileError(output, `is one file, but ${input} holds ${cases.length} cases; name a folder instead`);
  }
  const target = (files: CaseFiles) => (toFile ? output : join(output, `${files.id}.nii.gz`));
  const written = await predictCases(context, models, cases, target, options);
  if (!toFile) {
    await writeJsonAtomic(join(output, "dataset.json"), datasetToJson(metadata.dataset));
    await writeJsonAtomic(join(output, "plans.json"), plansToJson(metadata.plans));
  }
  return written;
}

/** Predicts cases one after the other and writes each as soon as it is done. */
export async function predictCases(
  { stages }: Context,
  models: readonly Model[],
  cases: readonly CaseFiles[],
  target: (files: CaseFiles) => string,
  {
    mirroring = true,
    stepSize = 0.5,
    saveProbabilities = false,
    overwrite = false,
    signal,
    onEvent,
  }: PredictionOptions,
): Promise<string[]> {
  const { dataset } = models[0]!.metadata;
  if (labelSet(dataset).outputChannels < 1) throw new FileError("dataset.json", "declares no foreground label");
  if (!overwrite) {
    for (const files of cases) {
      if (await exists(target(files))) {
        throw new FileError(target(files), "exists already; add --overwrite to replace it, or choose another output");
      }
    }
  }
  const total = cases.length;
  const written: string[] = [];
  return timedStage(
    "predict",
    { total, detail: `${total} ${total === 1 ? "case" : "cases"}` },
    { onEvent },
    async () => {
      for (const [index, { label: _, ...files }] of cases.entries()) {
        throwIfCancelled(signal, "prediction");
        try {
          const { segmentation, probabilities } = await stages.predictImage(models, await readCase(files, dataset), {
            mirroring,
            stepSize,
            probabilities: saveProbabilities,
            signal,
            // One case alone shows its patches; many show cases.
            onEvent: total === 1 ? onEvent : undefined,
          });
          const path = target(files);
          await writeImage(path, segmentation);
          written.push(path);
          if (probabilities) {
            const probabilitiesPath = join(dirname(path), `${imageStem(path)}_probabilities.nii.gz`);
            await writeImage(probabilitiesPath, probabilities);
            written.push(probabilitiesPath);
          }
        } catch (error) {
          throw isSegError(error, "CANCELLED") ? error : new StageError("predict", files.id, error);
        }
        onEvent?.({ type: "progress", stage: "predict", done: index + 1, total, item: files.id });
      }
      return { result: written };
    },
  );
}
