import { rm } from "node:fs/promises";
import { join } from "node:path";
import {
  createRandom,
  InvalidArgumentError,
  isJsonObject,
  type LabelSet,
  listed,
  threadCount,
  throwIfCancelled,
  type TrainingTask,
  UnknownStageError,
  UnsupportedError,
} from "@nnunet/core";
import { makeFolder, usableCores, writeFileAtomic } from "@nnunet/core/node";
import { buildNetwork, checkWeights, initialiseWeights, type NetworkGraph, type Weights } from "@nnunet/unet-model";
import { chooseEngine } from "./choose-engine.ts";
import { bottleneck } from "./bottleneck.ts";
import { type Checkpoint, type CheckpointSettings, type EpochRecord, writeCheckpoint } from "./checkpoint.ts";
import { epochRecord, trainEpoch, validateEpoch } from "./epochs.ts";
import { checkpointFiles, findCheckpoint } from "./find-checkpoint.ts";
import { deepSupervisionWeights } from "./losses/deep-supervision.ts";
import { polyLearningRate } from "./poly-learning-rate.ts";
import { progressChart } from "./progress-chart.ts";
import { sayingWhatToLower } from "./out-of-memory.ts";
import { defaultParts, type TrainerParts } from "./trainer-parts.ts";
import { appendRecord, completeLog } from "./training-log.ts";
import { completeTrainingSettings, optimiserOf, type TrainingSettings } from "./training-settings.ts";

export interface TrainingResult {
  readonly graph: NetworkGraph;
  readonly weights: Weights;
  readonly history: readonly EpochRecord[];
  /** `checkpoint_final.safetensors` */
  readonly checkpoint: string;
}

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
 * @param parts - the losses and engines that the settings may name; ours by default, see `createTrainer`
 * @throws {FileError} if the folder already holds a training and `continue` is not set
 * @throws {InvalidArgumentError} if a setting is outside its domain, or a loss is not finite
 * @throws {UnknownStageError} if the settings name an unknown loss or engine
 * @throws {UnsupportedError} if the engine or its device has no float16 and mixed precision is asked for
 * @throws {InvalidArtifactError} if the checkpoint to continue from is damaged or was trained with other settings than
 *   the engine
 * @throws {LimitError} if memory ends in the middle of it
 * @throws {CancelledError} when `signal` aborts; the last finished epoch is kept
 */
export async function trainModel(
  task: TrainingTask<TrainingSettings>,
  parts: TrainerParts = defaultParts,
): Promise<TrainingResult> {
  const settings = completeTrainingSettings(task.settings ?? {});
  const { engine, why } = await chooseEngine(settings.engine, parts.engines, task.device);
  if (settings.mixedPrecision) refuseWithoutMixedPrecision(engine.name, parts.engines);
  const makeLoss = named("loss", settings.loss, parts.losses);
  const { configuration, labels, folder, signal, onEvent } = task;
  const { epochs, iterationsPerEpoch, validationIterations } = settings;
  const size = { outputChannels: labels.outputChannels, patchSize: configuration.patchSize };
  const graph =
    task.network ?? buildNetwork(configuration.architecture, { inputChannels: task.inputChannels, ...size });
  const begun: CheckpointSettings = {
    configuration: task.configurationName,
    fold: task.fold,
    batchSize: configuration.batchSize,
    patchSize: [...configuration.patchSize],
    ...settings,
    engine: engine.name,
  };
  const final = join(folder, checkpointFiles.final);
  const resumed = await findCheckpoint(folder, task.continue ?? false, begun);
  if (resumed && !resumed.checked) {
    const text = `${folder}: goes on from a checkpoint of an earlier version, which carries no checksum; damage would not show`;
    onEvent?.({ type: "message", stage: "train", level: "warning", text });
  }
  if (resumed && resumed.history.length >= epochs) {
    await task.onBegin?.();
    await finishRecord(folder, resumed.history, labels, epochs);
    return { graph, weights: resumed.weights, history: resumed.history, checkpoint: final };
  }
  await makeFolder(folder);

  const initial =
    resumed?.weights ?? task.initialWeights ?? initialiseWeights(graph, createRandom(settings.seed, "weights"));
  if (initial === task.initialWeights) checkWeights(graph, initial, "initialWeights");
  if (!resumed && task.pretrained !== undefined && task.initialWeights === undefined) {
    throw new InvalidArgumentError("initialWeights", "the weights that `pretrained` says it begins with", undefined);
  }
  const pretrained = resumed ? resumed.pretrained : isJsonObject(task.pretrained) ? task.pretrained : undefined;
  const scope = lossScope(labels);
  const options = {
    batchSize: configuration.batchSize,
    loss: makeLoss({ batchDice: configuration.batchDice, ...scope }),
    outputWeights: outputWeights(graph.outputs.length, settings.deepSupervision),
    optimiser: optimiserOf(settings),
    mixedPrecision: settings.mixedPrecision,
    ...scope,
    ...(task.device === undefined ? {} : { device: task.device }),
    ...(task.threads === undefined ? {} : { threads: threadCount("threads", task.threads) }),
  };
  const compile = () => engine.compile(graph, initial, options);
  const session = await sayingWhatToLower("the network in training", configuration, compile);
  const history = [...(resumed?.history ?? [])];
  const from = history.length === 0 ? "from the start" : `from epoch ${history.length}`;
  const before = resumed?.settings.engine;
  const other = before === undefined || before === engine.name ? "" : `; up to here it was ${before}`;
  const text = `training ${from} (engine ${session.description}${why === undefined ? "" : `, since ${why}`}${other})`;
  onEvent?.({ type: "message", stage: "train", level: "info", text });
  if (session.caution !== undefined)
    onEvent?.({ type: "message", stage: "train", level: "warning", text: session.caution });
  try {
    if (resumed) await session.setState(resumed.weights, resumed.optimiser);
    await task.onBegin?.();
    if (resumed) await finishRecord(folder, history, labels, epochs);
    let told: string | undefined;
    let best = Math.max(Number.NEGATIVE_INFINITY, ...history.map((h) => h.movingPseudoDice));
    for (let epoch = history.length; epoch < epochs; epoch++) {
      const started = performance.now();
      const learningRate = polyLearningRate(settings.initialLearningRate, epoch, epochs);
      const trained = await sayingWhatToLower("training", configuration, () =>
        trainEpoch(session, task, epoch, iterationsPerEpoch, learningRate, history),
      );
      const validated = await sayingWhatToLower("validation", configuration, () =>
        validateEpoch(session, task, epoch, validationIterations, history),
      );
      const seconds = (performance.now() - started) / 1000;
      const measured = {
        ...epochRecord(epoch, learningRate, trained, validated, history, seconds),
        engine: session.description,
      };
      history.push(measured);
      const isBest = measured.movingPseudoDice > best;
      if (isBest) best = measured.movingPseudoDice;
      const weights = await session.weights();
      const writing = performance.now();
      await keepEpoch(
        folder,
        {
          settings: begun,
          stages: task.madeBy,
          network: task.network,
          pretrained,
          history,
          weights,
          optimiser: await session.optimiserState(),
        },
        isBest,
      );
      const record = { ...measured, checkpointSeconds: (performance.now() - writing) / 1000 };
      history[epoch] = record;
      await keepRecord(folder, history, labels);
      const makers = { workers: task.training.workers, cores: usableCores(), validationIterations };
      const slowest = bottleneck(record, makers);
      if (slowest.kind !== told) onEvent?.({ type: "message", stage: "train", level: "info", text: slowest.text });
      told = slowest.kind;
      const pseudoDice = record.pseudoDice.map((d) => d ?? Number.NaN);
      onEvent?.({ type: "epoch", stage: "train", epochs, ...record, pseudoDice });
      throwIfCancelled(epoch === epochs - 1 ? undefined : signal, "training");
    }
    return { graph, weights: await session.weights(), history, checkpoint: final };
  } finally {
    await session.dispose();
  }
}

async function keepEpoch(folder: string, checkpoint: Checkpoint, isBest: boolean): Promise<void> {
  const { history, settings } = checkpoint;
  const path = (kind: keyof typeof checkpointFiles) => join(folder, checkpointFiles[kind]);
  const isLast = history.length === settings.epochs;
  if (isBest) await writeCheckpoint(path("best"), checkpoint);
  await writeCheckpoint(path(isLast ? "final" : "latest"), checkpoint);
  if (isLast) await rm(path("latest"), { force: true });
}

/** A line of the log, and the curves. */
async function keepRecord(folder: string, history: readonly EpochRecord[], labels: LabelSet): Promise<void> {
  await appendRecord(folder, history.at(-1)!);
  await writeFileAtomic(join(folder, "progress.svg"), progressChart(history, labels.names));
}

/** What a training that was killed after a checkpoint had yet to do for its epoch. */
async function finishRecord(
  folder: string,
  history: readonly EpochRecord[],
  labels: LabelSet,
  epochs: number,
): Promise<void> {
  if (history.length >= epochs) await rm(join(folder, checkpointFiles.latest), { force: true });
  if (!(await completeLog(folder, history))) return;
  await writeFileAtomic(join(folder, "progress.svg"), progressChart(history, labels.names));
}

/** Float32 in silence would be another training than the one that was asked for. */
function refuseWithoutMixedPrecision(name: string, engines: TrainerParts["engines"]): void {
  if (engines[name]!.mixedPrecision) return;
  const able = Object.keys(engines).filter((other) => engines[other]!.mixedPrecision);
  const instead = able.length === 0 ? "" : `; take \`engine\` ${listed(able)}, or leave it out`;
  throw new UnsupportedError("`mixedPrecision` true", `engine ${name} has none${instead}`);
}

function named<T>(kind: string, name: string, known: Readonly<Record<string, T>>): T {
  if (!Object.hasOwn(known, name)) throw new UnknownStageError(kind, name, Object.keys(known));
  return known[name]!;
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
