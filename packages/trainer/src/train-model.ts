import { rm } from "node:fs/promises";
import { existsSync } from "node:fs";
import { join } from "node:path";
import {
  type BatchSource,
  type Configuration,
  createRandom,
  FileError,
  InvalidArgumentError,
  InvalidArtifactError,
  type LabelSet,
  type StageOptions,
  throwIfCancelled,
} from "@nnunet/core";
import { appendLine, makeFolder, writeFileAtomic } from "@nnunet/core/node";
import { buildNetwork, initialiseWeights, type NetworkGraph, type Weights } from "@nnunet/unet-model";
import {
  type Checkpoint,
  type EpochRecord,
  readCheckpoint,
  type StoredCheckpoint,
  type TrainingSettings,
  writeCheckpoint,
} from "./checkpoint.ts";
import type { Device, TrainingEngine, TrainingSession } from "./engine.ts";
import { deepSupervisionWeights } from "./losses/deep-supervision.ts";
import { diceCrossEntropy, type Loss } from "./losses/loss.ts";
import { ortEngine } from "./ort/ort-engine.ts";
import { defaultSgd, type SgdOptions } from "./ort/sgd.ts";
import { polyLearningRate } from "./poly-learning-rate.ts";
import { prefetchEpoch } from "./prefetch.ts";
import { progressChart } from "./progress-chart.ts";

export interface TrainOptions extends StageOptions {
  readonly configuration: Configuration;
  readonly configurationName: string;
  readonly fold: number | "all";
  readonly labels: LabelSet;
  /** Image channels, plus one per foreground label of the previous configuration in a cascade. */
  readonly inputChannels: number;
  readonly training: BatchSource;
  readonly validation: BatchSource;
  /** Gets checkpoints, log and curves. */
  readonly folder: string;
  readonly seed: number;
  readonly engine?: TrainingEngine;
  readonly device?: Device;
  /** 1000 */
  readonly epochs?: number;
  /** 250 */
  readonly iterationsPerEpoch?: number;
  /** 50 */
  readonly validationIterations?: number;
  /** Of the configuration by default. */
  readonly batchSize?: number;
  /** 0.01 */
  readonly initialLearningRate?: number;
  readonly optimiser?: SgdOptions;
  /** Cross-entropy + Dice by default. */
  readonly loss?: Loss;
  /** Losses at the lower resolutions too; true by default. */
  readonly deepSupervision?: boolean;
  /** Go on from `checkpoint_latest`; without it a folder that holds a training is an error. */
  readonly continue?: boolean;
  readonly threads?: number;
  /** Waited for when nothing is left that could be refused, before the first batch is asked for. */
  readonly onBegin?: () => Promise<void>;
}

export interface TrainingResult {
  readonly graph: NetworkGraph;
  readonly weights: Weights;
  readonly history: readonly EpochRecord[];
  /** `checkpoint_final.safetensors` */
  readonly checkpoint: string;
}

export const checkpointFiles = {
  latest: "checkpoint_latest.safetensors",
  best: "checkpoint_best.safetensors",
  final: "checkpoint_final.safetensors",
} as const;

/**
 * Trains one fold of one configuration (paper, "Training schedule"; docs/method.md §6): SGD with Nesterov momentum 0.99 and
 * weight decay 3e-5, polynomial learning rate from 0.01, Dice + cross-entropy with deep supervision, gradients clipped
 * at norm 12, 1000 epochs of 250 steps and 50 validation batches.
 *
 * Writes into `folder`: `checkpoint_latest` after every epoch, `checkpoint_best` when the moving average (0.9) of the
 * foreground pseudo-Dice improves, `checkpoint_final` at the end, `training_log.ndjson`, and `progress.svg`. A training
 * stopped at any moment and continued gives the same weights as an uninterrupted one: batches depend on (seed, epoch,
 * iteration) alone, and an unfinished epoch is repeated.
 *
 * @throws {FileError} if the folder already holds a training and `continue` is not set
 * @throws {InvalidArtifactError} if the checkpoint to continue from is damaged or was trained with other settings
 * @throws {CancelledError} when `signal` aborts; the last finished epoch is kept
 */
export async function trainModel(options: TrainOptions): Promise<TrainingResult> {
  const settings = settingsOf(options);
  const { configuration, labels, folder, signal, onEvent } = options;
  const { epochs, iterationsPerEpoch, validationIterations } = settings;
  const graph = buildNetwork(configuration.architecture, {
    inputChannels: options.inputChannels,
    outputChannels: labels.outputChannels,
    patchSize: configuration.patchSize,
  });
  const path = (kind: keyof typeof checkpointFiles) => join(folder, checkpointFiles[kind]);
  const resumed = await findCheckpoint(folder, options.continue ?? false, settings);
  if (resumed && !resumed.checked) {
    const text = `${folder}: goes on from a checkpoint of an earlier version, which carries no checksum; damage would not show`;
    onEvent?.({ type: "message", stage: "train", level: "warning", text });
  }
  if (resumed && resumed.history.length >= epochs) {
    await options.onBegin?.();
    return { graph, weights: resumed.weights, history: resumed.history, checkpoint: path("final") };
  }
  await makeFolder(folder);

  const initial = resumed?.weights ?? initialiseWeights(graph, createRandom(settings.seed, "weights"));
  const engine = options.engine ?? ortEngine;
  const session = await engine.compile(graph, initial, {
    batchSize: settings.batchSize,
    loss: options.loss ?? diceCrossEntropy(lossOptions(configuration, labels)),
    outputWeights: outputWeights(graph.outputs.length, options.deepSupervision ?? true),
    optimiser: options.optimiser ?? defaultSgd,
    device: options.device ?? "cpu",
    ...lossScope(labels),
    ...(options.threads === undefined ? {} : { threads: options.threads }),
  });
  const history = [...(resumed?.history ?? [])];
  const from = history.length === 0 ? "from the start" : `from epoch ${history.length}`;
  onEvent?.({
    type: "message",
    stage: "train",
    level: "info",
    text: `training ${from} (engine ${session.description})`,
  });
  try {
    if (resumed) await session.setState(resumed.weights, resumed.momentum);
    await options.onBegin?.();
    let best = Math.max(Number.NEGATIVE_INFINITY, ...history.map((h) => h.movingPseudoDice));
    for (let epoch = history.length; epoch < epochs; epoch++) {
      const started = performance.now();
      const learningRate = polyLearningRate(settings.initialLearningRate, epoch, epochs);
      const trainLoss = await trainEpoch(session, options, epoch, iterationsPerEpoch, learningRate);
      const validated = await validateEpoch(session, options, epoch, validationIterations);
      const record = epochRecord(
        epoch,
        learningRate,
        trainLoss,
        validated,
        history,
        (performance.now() - started) / 1000,
      );
      history.push(record);
      const checkpoint: Checkpoint = {
        settings,
        history,
        weights: await session.weights(),
        momentum: await session.momentum(),
      };
      if (record.movingPseudoDice > best) {
        best = record.movingPseudoDice;
        await writeCheckpoint(path("best"), checkpoint);
      }
      await writeCheckpoint(path(epoch === epochs - 1 ? "final" : "latest"), checkpoint);
      if (epoch === epochs - 1) await rm(path("latest"), { force: true });
      const line = JSON.stringify({ time: new Date().toISOString(), ...record });
      await appendLine(join(folder, "training_log.ndjson"), line);
      await writeFileAtomic(join(folder, "progress.svg"), progressChart(history, labels.names));
      onEvent?.({
        type: "epoch",
        stage: "train",
        epochs,
        ...record,
        pseudoDice: record.pseudoDice.map((d) => d ?? Number.NaN),
      });
      throwIfCancelled(epoch === epochs - 1 ? undefined : signal, "training");
    }
    return { graph, weights: await session.weights(), history, checkpoint: path("final") };
  } finally {
    await session.dispose();
  }
}

async function trainEpoch(
  session: TrainingSession,
  options: TrainOptions,
  epoch: number,
  iterations: number,
  learningRate: number,
): Promise<number> {
  let sum = 0;
  let iteration = 0;
  let waitStarted = performance.now();
  for await (const batch of prefetchEpoch(options.training, epoch, iterations)) {
    throwIfCancelled(options.signal, "training");
    const stepStarted = performance.now();
    const { loss } = await session.step(batch, learningRate);
    checkLoss(loss, "training", epoch, iteration);
    sum += loss;
    const now = performance.now();
    options.onEvent?.({
      type: "iteration",
      stage: "train",
      epoch,
      iteration,
      loss,
      stepSeconds: (now - stepStarted) / 1000,
      batchWaitSeconds: (stepStarted - waitStarted) / 1000,
    });
    waitStarted = now;
    iteration++;
  }
  return sum / iterations;
}

function checkLoss(loss: number, kind: "training" | "validation", epoch: number, iteration: number): void {
  if (Number.isFinite(loss)) return;
  throw new InvalidArgumentError(
    kind,
    "a finite loss (a lower initial learning rate may help; check the images for extreme values)",
    `loss ${loss} at epoch ${epoch}, iteration ${iteration}`,
  );
}

interface Validated {
  readonly loss: number;
  readonly dice: readonly number[];
}

async function validateEpoch(
  session: TrainingSession,
  options: TrainOptions,
  epoch: number,
  iterations: number,
): Promise<Validated> {
  let loss = 0;
  let iteration = 0;
  let counts: { tp: Float64Array; fp: Float64Array; fn: Float64Array } | undefined;
  for await (const batch of prefetchEpoch(options.validation, epoch, iterations)) {
    throwIfCancelled(options.signal, "training");
    const result = await session.evaluate(batch);
    checkLoss(result.loss, "validation", epoch, iteration++);
    loss += result.loss;
    counts ??= {
      tp: new Float64Array(result.truePositives.length),
      fp: new Float64Array(result.truePositives.length),
      fn: new Float64Array(result.truePositives.length),
    };
    addTo(counts.tp, result.truePositives);
    addTo(counts.fp, result.falsePositives);
    addTo(counts.fn, result.falseNegatives);
  }
  const { tp, fp, fn } = counts!;
  const dice = Array.from(tp, (t, c) => (2 * t) / (2 * t + fp[c]! + fn[c]!));
  return { loss: loss / iterations, dice };
}

function addTo(sum: Float64Array, part: Float64Array): void {
  for (let i = 0; i < sum.length; i++) sum[i]! += part[i]!;
}

function epochRecord(
  epoch: number,
  learningRate: number,
  trainLoss: number,
  validated: Validated,
  history: readonly EpochRecord[],
  seconds: number,
): EpochRecord {
  const known = validated.dice.filter((d) => !Number.isNaN(d));
  const mean = known.length > 0 ? known.reduce((a, b) => a + b) / known.length : 0;
  const previous = history.at(-1)?.movingPseudoDice;
  return {
    epoch,
    learningRate,
    trainLoss,
    validationLoss: validated.loss,
    pseudoDice: validated.dice.map((d) => (Number.isNaN(d) ? null : d)),
    movingPseudoDice: previous === undefined ? mean : 0.9 * previous + 0.1 * mean,
    seconds,
  };
}

function settingsOf(options: TrainOptions): TrainingSettings {
  const { configuration } = options;
  const settings: TrainingSettings = {
    configuration: options.configurationName,
    fold: options.fold,
    seed: options.seed,
    epochs: options.epochs ?? 1000,
    iterationsPerEpoch: options.iterationsPerEpoch ?? 250,
    validationIterations: options.validationIterations ?? 50,
    batchSize: options.batchSize ?? configuration.batchSize,
    patchSize: [...configuration.patchSize],
    initialLearningRate: options.initialLearningRate ?? 0.01,
    engine: (options.engine ?? ortEngine).name,
  };
  for (const key of ["epochs", "iterationsPerEpoch", "validationIterations", "batchSize"] as const) {
    if (!(Number.isInteger(settings[key]) && settings[key] > 0))
      throw new InvalidArgumentError(key, "a positive integer", settings[key]);
  }
  return settings;
}

async function findCheckpoint(
  folder: string,
  wanted: boolean,
  settings: TrainingSettings,
): Promise<StoredCheckpoint | undefined> {
  const kind = (["final", "latest", "best"] as const).find((k) => existsSync(join(folder, checkpointFiles[k])));
  if (!kind) return undefined;
  const path = join(folder, checkpointFiles[kind]);
  if (!wanted) {
    throw new FileError(
      folder,
      "already holds a training; go on with it by --continue, or move the folder away to start anew",
    );
  }
  const checkpoint = await readCheckpoint(path);
  for (const key of Object.keys(settings) as (keyof TrainingSettings)[]) {
    if (JSON.stringify(checkpoint.settings[key]) !== JSON.stringify(settings[key])) {
      throw new InvalidArtifactError(
        path,
        key,
        `was trained with ${JSON.stringify(checkpoint.settings[key])}, now asked for ${JSON.stringify(settings[key])}; use the same value to continue, or move ${folder} away to start anew`,
      );
    }
  }
  return checkpoint;
}

function outputWeights(outputs: number, deepSupervision: boolean): number[] {
  return deepSupervision
    ? deepSupervisionWeights(outputs)
    : Array.from({ length: outputs }, (_, i) => (i === 0 ? 1 : 0));
}

function lossScope(labels: LabelSet): { ignoreLabel?: number; regions: boolean } {
  return {
    regions: labels.regions !== undefined,
    ...(labels.ignoreLabel === undefined ? {} : { ignoreLabel: labels.ignoreLabel }),
  };
}

function lossOptions(configuration: Configuration, labels: LabelSet) {
  return { batchDice: configuration.batchDice, ...lossScope(labels) };
}
