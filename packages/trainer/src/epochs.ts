import {
  firstNonFinite,
  InvalidArgumentError,
  listed,
  throwIfCancelled,
  type TrainingBatch,
  type TrainingTask,
} from "@nnunet/core";
import type { EpochRecord } from "./checkpoint.ts";
import type { TrainingSession } from "./engine.ts";
import { prefetchEpoch } from "./prefetch.ts";

type EpochTask = Pick<TrainingTask, "training" | "validation" | "signal" | "onEvent">;

/** The mean loss of the steps, and where the time went. */
export interface TrainedEpoch {
  readonly loss: number;
  readonly stepSeconds: number;
  readonly waitSeconds: number;
}

export async function trainEpoch(
  session: TrainingSession,
  task: EpochTask,
  epoch: number,
  iterations: number,
  learningRate: number,
  history: readonly EpochRecord[],
): Promise<TrainedEpoch> {
  let sum = 0;
  let stepSeconds = 0;
  let waitSeconds = 0;
  let iteration = 0;
  let waitStarted = performance.now();
  for await (const batch of prefetchEpoch(task.training, epoch, iterations)) {
    throwIfCancelled(task.signal, "training");
    const stepStarted = performance.now();
    const { loss, gradientNorm, skipped, lossScale } = await session.step(batch, learningRate);
    const half = lossScale !== undefined;
    checkFinite("loss", loss, batch, { kind: "training", history, epoch, iteration, half });
    // a skipped step only halves the loss's scale; below 1 it is no longer the scale that makes gradients overflow
    if (!skipped || lossScale! < 1)
      checkFinite("gradient norm", gradientNorm, batch, { kind: "training", history, epoch, iteration, half });
    if (skipped) {
      const text = `iteration ${iteration} of epoch ${epoch} is skipped: its gradients overflow in float16; the loss is scaled by ${lossScale} from now on`;
      task.onEvent?.({ type: "message", stage: "train", level: "info", text });
    }
    sum += loss;
    const now = performance.now();
    const took = { stepSeconds: (now - stepStarted) / 1000, batchWaitSeconds: (stepStarted - waitStarted) / 1000 };
    stepSeconds += took.stepSeconds;
    waitSeconds += took.batchWaitSeconds;
    task.onEvent?.({ type: "iteration", stage: "train", epoch, iteration, loss, ...took });
    waitStarted = now;
    iteration++;
  }
  return { loss: sum / iterations, stepSeconds, waitSeconds };
}

interface Place {
  readonly kind: "training" | "validation";
  /** Of the finished epochs. */
  readonly history: readonly EpochRecord[];
  readonly epoch: number;
  readonly iteration: number;
  /** With mixed precision. */
  readonly half?: boolean;
}

/** Nothing of the epoch is kept; the checkpoint of the last finished one is. */
function checkFinite(
  what: "loss" | "gradient norm",
  value: number,
  { caseIds, data }: Pick<TrainingBatch, "caseIds" | "data">,
  { kind, history, epoch, iteration, half = false }: Place,
): void {
  if (Number.isFinite(value)) return;
  const cases = listed([...new Set(caseIds)]);
  const odd = firstNonFinite(data);
  if (odd >= 0) {
    const expected = `finite voxels in a batch (repair the images of ${cases}, or an augmentation of your own; ${kept(history)})`;
    throw new InvalidArgumentError(kind, expected, `${data[odd]} at epoch ${epoch}, iteration ${iteration}`);
  }
  const helps = `a lower \`initialLearningRate\`${half ? ", or training without `mixedPrecision`," : ""}`;
  throw new InvalidArgumentError(
    kind,
    `a finite ${what} (look at the images of the batch for extreme values: ${cases}; ${helps} may help; ${kept(history)})`,
    `${what} ${value} at epoch ${epoch}, iteration ${iteration}`,
  );
}

/** The last epoch before a loss that is not finite may be spoilt already; the best one is not. */
function kept(history: readonly EpochRecord[]): string {
  if (history.length === 0) return "no epoch was finished";
  const best = history.reduce((a, b) => (b.movingPseudoDice > a.movingPseudoDice ? b : a)).epoch + 1;
  const own = best === history.length ? "" : `, and that after epoch ${best}, the best`;
  return `the checkpoint after epoch ${history.length} is kept${own}; \`continue\` comes to the same batch again, \`pretrained\` begins anew with its weights`;
}

export interface Validated {
  readonly loss: number;
  readonly dice: readonly number[];
}

export async function validateEpoch(
  session: TrainingSession,
  task: EpochTask,
  epoch: number,
  iterations: number,
  history: readonly EpochRecord[],
): Promise<Validated> {
  let loss = 0;
  let iteration = 0;
  let counts: { tp: Float64Array; fp: Float64Array; fn: Float64Array } | undefined;
  for await (const batch of prefetchEpoch(task.validation, epoch, iterations)) {
    throwIfCancelled(task.signal, "training");
    const result = await session.evaluate(batch);
    checkFinite("loss", result.loss, batch, { kind: "validation", history, epoch, iteration: iteration++ });
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

export function epochRecord(
  epoch: number,
  learningRate: number,
  trained: TrainedEpoch,
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
    trainLoss: trained.loss,
    validationLoss: validated.loss,
    pseudoDice: validated.dice.map((d) => (Number.isNaN(d) ? null : d)),
    movingPseudoDice: previous === undefined ? mean : 0.9 * previous + 0.1 * mean,
    seconds,
    stepSeconds: trained.stepSeconds,
    waitSeconds: trained.waitSeconds,
    validationSeconds: Math.max(0, seconds - trained.stepSeconds - trained.waitSeconds),
  };
}
