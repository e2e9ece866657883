import { type EvaluationSummary, labelSet, type Plans, type RawDataset, UnsupportedError } from "@nnunet/core";
import { type Device, ortEngine, readCheckpoint, type TrainingEngine } from "@nnunet/trainer";
import type { PoolOptions } from "./case-pool.ts";
import { exportFolds } from "./export-model.ts";
import { foldBatches, preprocessedHashes } from "./fold-batches.ts";
import { type Fold, preprocessedPaths, resultsPaths } from "./folders.ts";
import { contentHash, exists, recordHash } from "./made-from.ts";
import { describeModel, refuseConflict } from "./model-folder.ts";
import { effectivePlans, findConfiguration, type SizeOptions } from "./reduced-size.ts";
import { softwareVersion } from "./software-version.ts";
import { casesOfFold } from "./splits.ts";
import type { Context } from "./stages.ts";
import { timedStage } from "./timed-stage.ts";
import { type ExistingTraining, startTraining } from "./training-start.ts";
import { validateFold } from "./validate-fold.ts";

export interface TrainOptions extends PoolOptions, SizeOptions {
  /** "auto" takes the fastest that is installed: today "ort", the only one. */
  readonly engine?: "ort" | "tfjs" | "auto";
  readonly device?: Device;
  /** 1000 by default, as nnU-Net. */
  readonly epochs?: number;
  /** 250 by default, as nnU-Net. */
  readonly iterationsPerEpoch?: number;
  /** A fifth of `iterationsPerEpoch` by default: nnU-Net's 50 for its 250. */
  readonly validationIterations?: number;
  readonly seed?: number;
  /**
   * What to do where this fold has been trained or begun: refuse (the default), go on from its latest checkpoint,
   * start again, or ("update") keep or continue what was made from the same data, plan and options, and move anything
   * else aside.
   */
  readonly existing?: ExistingTraining;
}

export interface TrainFoldResult {
  /** `model.onnx` of the fold. */
  readonly model: string;
  /** False if a finished training made from the same data, plan and options was kept. */
  readonly trained: boolean;
  /** Of the validation cases, predicted as unseen images and scored against the original labels. */
  readonly validation: EvaluationSummary;
}

/**
 * Preprocessed cases of a fold → trained weights → `model.onnx` → scores of the validation cases.
 *
 * @throws {FileError} if a case is not preprocessed, or the fold holds a training and `existing` says to refuse
 */
export async function trainFold(
  context: Context,
  dataset: RawDataset,
  planned: Plans,
  configurationName: string,
  fold: Fold,
  options: TrainOptions = {},
): Promise<TrainFoldResult> {
  const { folders } = context;
  const { existing = "refuse", epochs = 1000, iterationsPerEpoch = 250, seed = 0, signal, onEvent } = options;
  const validationIterations = options.validationIterations ?? Math.max(1, Math.round(iterationsPerEpoch / 5));
  const engine = engineOf(options.engine ?? "auto");
  const plans = effectivePlans(planned, configurationName, options);
  const configuration = findConfiguration(plans, configurationName);
  if (configuration.previousConfiguration !== undefined) {
    throw new UnsupportedError(
      `training ${configurationName}, the second network of a cascade,`,
      `train ${configuration.previousConfiguration} or 3d_fullres`,
    );
  }
  const paths = resultsPaths(folders, dataset.name, plans.plansName, configurationName);
  const { folder, model, madeFrom, checkpoint, latestCheckpoint } = paths.fold(fold);
  const message = (level: "info" | "warning", text: string) =>
    onEvent?.({ type: "message", stage: "train", level, text });
  const split = await casesOfFold(folders, dataset, fold);
  const casesFolder = preprocessedPaths(folders, dataset.name).cases(configuration.dataIdentifier);
  const network = contentHash([
    softwareVersion,
    configuration,
    labelSet(dataset.json),
    split,
    await preprocessedHashes(casesFolder, [...split.train, ...split.val], dataset, configurationName),
    seed,
  ]);
  const inputs = contentHash([network, epochs, iterationsPerEpoch, validationIterations]);

  const start = await startTraining(paths.fold(fold), { network, training: inputs }, existing, (text) =>
    message("info", text),
  );
  if (start !== "keep") {
    const strict = existing === "refuse" || existing === "continue";
    const warn = (at: string, text: string) => message("warning", `${at} ${text}`);
    await describeModel(folders, dataset, plans, configurationName, `fold_${fold}`, strict ? refuseConflict : warn);
    await recordHash(madeFrom, "network", network);
    await recordHash(madeFrom, "training", inputs);
    const begun = (await exists(checkpoint)) ? checkpoint : latestCheckpoint;
    const resumeAt = start === "resume" ? (await readCheckpoint(begun)).history.length : 0;
    const total = (epochs - resumeAt) * iterationsPerEpoch;
    const features = configuration.architecture.featuresPerStage;
    const detail = `fold ${fold} of ${configurationName}: ${split.train.length} cases, ${epochs - resumeAt} epochs of ${iterationsPerEpoch} steps, batch ${configuration.batchSize}, patch ${configuration.patchSize.join("×")}, features ${features.join(" ")}`;
    await timedStage("train", { total, detail }, options, async () => {
      const sources = await foldBatches(context.stages, casesFolder, split, configuration, dataset, {
        ...options,
        iterationsPerEpoch,
        validationIterations,
        seed,
      });
      try {
        const { history } = await context.stages.trainModel({
          configuration,
          configurationName,
          fold,
          labels: labelSet(dataset.json),
          inputChannels: dataset.json.channelNames.length,
          training: sources[0]!,
          validation: sources[1]!,
          folder,
          seed,
          engine,
          device: options.device ?? "cpu",
          epochs,
          iterationsPerEpoch,
          validationIterations,
          continue: start === "resume",
          signal,
          onEvent,
        });
        return { result: history, detail: folder };
      } finally {
        for (const source of sources) await source.close();
      }
    });
    await exportFolds(paths.folder, configurationName, [fold], model);
  }
  const validation = await validateFold(context, dataset, folder, split.val, options);
  return { model, trained: start !== "keep", validation };
}

function engineOf(name: "ort" | "tfjs" | "auto"): TrainingEngine {
  if (name === "tfjs") throw new UnsupportedError("the training engine tfjs", "use --engine ort");
  return ortEngine;
}
