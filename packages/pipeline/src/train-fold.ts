import { readdir, rm } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import {
  type BatchSource,
  type Configuration,
  datasetToJson,
  type EvaluationSummary,
  FileError,
  labelSet,
  type Plans,
  plansToJson,
  type RawDataset,
  type Splits,
  UnsupportedError,
} from "@nnunet/core";
import { readJson, writeJsonAtomic } from "@nnunet/core/node";
import { storedHash } from "@nnunet/preprocess";
import { type Device, ortEngine, readCheckpoint, type TrainingEngine } from "@nnunet/trainer";
import { createBatchWorkers, type SourceDescription } from "./batch-workers.ts";
import type { PoolOptions } from "./case-pool.ts";
import { exportFolds } from "./export-model.ts";
import { type Fold, preprocessedPaths, resultsPaths } from "./folders.ts";
import { contentHash, exists, recordedHash, recordHash } from "./made-from.ts";
import { openCases } from "./open-cases.ts";
import { outputScales } from "@nnunet/unet-model";
import { effectivePlans, findConfiguration, type SizeOptions } from "./reduced-size.ts";
import { softwareVersion } from "./software-version.ts";
import { casesOfFold } from "./splits.ts";
import { type Context, defaultStages } from "./stages.ts";
import { timedStage } from "./timed-stage.ts";
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
   * start again, or ("update") keep or continue what was made from the same data, plan and options, and start again
   * otherwise.
   */
  readonly existing?: "refuse" | "continue" | "overwrite" | "update";
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
  const split = await casesOfFold(folders, dataset, fold);
  const casesFolder = preprocessedPaths(folders, dataset.name).cases(configuration.dataIdentifier);
  const network = contentHash([
    softwareVersion,
    configuration,
    labelSet(dataset.json),
    split,
    await hashesOfCases(casesFolder, [...split.train, ...split.val], dataset, configurationName),
    seed,
  ]);
  const inputs = contentHash([network, epochs, iterationsPerEpoch, validationIterations]);

  const start = await howToStart();
  if (start === "keep") message("info", `fold ${fold} of ${configurationName} is up to date`);
  if (start !== "keep") {
    if (start === "afresh") await rm(folder, { recursive: true, force: true });
    await describeModel();
    await recordHash(madeFrom, "network", network);
    await recordHash(madeFrom, "training", inputs);
    const resumeAt = start === "resume" ? await epochsDone() : 0;
    const total = (epochs - resumeAt) * iterationsPerEpoch;
    const features = configuration.architecture.featuresPerStage;
    const detail = `fold ${fold} of ${configurationName}: ${split.train.length} cases, ${epochs - resumeAt} epochs of ${iterationsPerEpoch} steps, batch ${configuration.batchSize}, patch ${configuration.patchSize.join("×")}, features ${features.join(" ")}`;
    await timedStage("train", { total, detail }, options, async () => {
      const sources = await batchSources(context, casesFolder, split, configuration, dataset, {
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

  async function howToStart(): Promise<"afresh" | "resume" | "keep"> {
    const finished = await exists(model);
    const begun = finished || (await exists(latestCheckpoint)) || (await exists(checkpoint));
    if (!begun || existing === "overwrite") return "afresh";
    if (existing === "refuse") {
      const ways = `add --overwrite to start again${finished ? "" : ", or --continue to go on from its checkpoint"}`;
      throw new FileError(
        folder,
        `fold ${fold} ${finished ? "is trained already" : "holds an unfinished training"}; ${ways}`,
      );
    }
    const same = (await recordedHash(madeFrom, "training")) === inputs;
    if (existing === "update" && !same) {
      message("info", `fold ${fold} was trained with other data, plan or options; training it again`);
      return "afresh";
    }
    if (same && finished) return "keep";
    if ((await recordedHash(madeFrom, "network")) !== network) {
      throw new FileError(
        folder,
        "cannot be continued: it was begun with other data, splits, network sizes, batch size or seed; give the same options, or --overwrite",
      );
    }
    return "resume";
  }

  async function epochsDone(): Promise<number> {
    const path = (await exists(checkpoint)) ? checkpoint : latestCheckpoint;
    return (await readCheckpoint(path)).history.length;
  }

  /** What any reader of the results needs to know, with the sizes that were really trained. */
  async function describeModel(): Promise<void> {
    const json = JSON.parse(JSON.stringify(plansToJson(plans)));
    if (await exists(paths.plans)) {
      const others = (await readdir(paths.folder)).filter(
        (name) => name.startsWith("fold_") && name !== `fold_${fold}`,
      );
      const before = (await readJson(paths.plans)) as { configurations?: Record<string, unknown> } | null;
      const changed = !isDeepStrictEqual(
        before?.configurations?.[configurationName],
        json.configurations[configurationName],
      );
      if (changed && others.length > 0) {
        const text = `holds ${others.join(", ")}, trained with another network or batch size, which cannot be averaged with this one`;
        if (existing === "refuse" || existing === "continue") {
          throw new FileError(paths.folder, `${text}; choose another --results folder, or add --overwrite`);
        }
        message("warning", `${paths.folder} ${text}`);
      }
    }
    await writeJsonAtomic(paths.plans, json);
    await writeJsonAtomic(paths.dataset, datasetToJson(dataset.json));
    const fingerprint = preprocessedPaths(folders, dataset.name).fingerprint;
    if (await exists(fingerprint)) {
      await writeJsonAtomic(paths.fingerprint, await readJson(fingerprint));
    }
  }

  function message(level: "info" | "warning", text: string): void {
    onEvent?.({ type: "message", stage: "train", level, text });
  }
}

/** Stored hashes of the preprocessed cases: what the training really sees. */
async function hashesOfCases(
  folder: string,
  ids: readonly string[],
  dataset: RawDataset,
  configuration: string,
): Promise<string[]> {
  const hashes: string[] = [];
  for (const id of ids) {
    const hash = await storedHash(folder, id);
    if (hash === undefined) {
      throw new FileError(
        join(folder, id),
        `case ${id} is not preprocessed, or its files are damaged; run "nnunet preprocess ${dataset.id} -c ${configuration}" first`,
      );
    }
    hashes.push(hash);
  }
  return hashes;
}

/** Training and validation batches: in worker threads with the default sampler, in this thread with another. */
async function batchSources(
  { stages }: Context,
  casesFolder: string,
  split: Splits[number],
  configuration: Configuration,
  dataset: RawDataset,
  {
    workers,
    seed,
    iterationsPerEpoch,
    validationIterations,
  }: { workers?: number; seed: number; iterationsPerEpoch: number; validationIterations: number },
): Promise<BatchSource[]> {
  const shared = {
    configuration,
    labels: labelSet(dataset.json),
    seed,
    outputScales: outputScales(configuration.architecture),
  };
  const sources: SourceDescription[] = [
    { ...shared, mode: "training", caseIds: split.train },
    { ...shared, mode: "validation", caseIds: split.val },
  ];
  if (stages.createBatchSource !== defaultStages.createBatchSource) {
    return Promise.all(
      sources.map(async ({ caseIds, ...rest }) =>
        stages.createBatchSource({ ...rest, cases: await openCases(casesFolder, caseIds) }),
      ),
    );
  }
  return createBatchWorkers({
    casesFolder,
    sources,
    iterations: [iterationsPerEpoch, validationIterations],
    workers: workers ?? Math.max(1, Math.min(8, availableParallelism() - 1)),
  });
}

function engineOf(name: "ort" | "tfjs" | "auto"): TrainingEngine {
  if (name === "tfjs") throw new UnsupportedError("the training engine tfjs", "use --engine ort");
  return ortEngine;
}
