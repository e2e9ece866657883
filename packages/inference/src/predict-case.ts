import {
  counted,
  elementCount,
  InvalidArtifactError,
  type PreprocessedCase,
  type Shape3,
  ShapeMismatchError,
  type StageOptions,
  throwIfCancelled,
  UnsupportedError,
  type VolumeShape,
} from "@nnunet/core";
import { addPrediction, type Placement } from "./add-prediction.ts";
import { layPatches, type Patch } from "./axis-windows.ts";
import { commonNetwork } from "./common-network.ts";
import type { Model } from "./load-model.ts";
import { describeMemory, estimateMemory } from "./memory-estimate.ts";
import { copyPatch, type Mirroring, mirrorings } from "./mirrored-patch.ts";
import { patchesPerRun } from "./patches-per-run.ts";

export interface PredictCaseOptions extends StageOptions {
  /** Stride between patches as a fraction of the patch, in (0, 1]; 0.5 by default. */
  readonly stepFraction?: number;
  /** Average over all mirrored copies that the model was trained for; true by default. */
  readonly mirroring?: boolean;
  /** Weight the centre of a patch more than its border; true by default. */
  readonly gaussian?: boolean;
  /** Patches (mirrored copies counted) given to the network at once; 1 by default, more for small patches. */
  readonly patchesPerRun?: number;
}

/** Scores of every class or region on the preprocessed grid. */
export interface CaseScores {
  /** [class or region, z, y, x] */
  readonly scores: Float32Array;
  readonly shape: VolumeShape;
  readonly kind: "logits" | "probabilities";
}

/**
 * Runs one or more networks over a preprocessed case: sliding window, Gaussian weighting, mirroring, and the mean over
 * the models (the folds of one configuration).
 *
 * An image smaller than the patch is padded with zeros on both sides. A 2D network sees slice after slice. What is
 * averaged, probabilities or logits, is the configuration's `averaging`. The result does not depend on `patchesPerRun`
 * beyond what onnxruntime's own rounding does.
 *
 * @param models - at least one, all of the same configuration
 * @param preprocessed - data [channel, z, y, x] as `preprocessCase` makes it
 * @throws {InvalidArgumentError} if there is no model, or the models do not belong together
 * @throws {ShapeMismatchError} if the case has another number of channels than the model, or the output another shape
 * @throws {InvalidArtifactError} if a model gives NaN or infinite values
 * @throws {UnsupportedError} if the scores do not fit into memory
 * @throws {CancelledError} if `signal` is aborted; checked before every run of a network
 * @example
 * const { scores, shape } = await predictCase([model], preprocessed, { mirroring: false }); // shape: [3, 40, 56, 40]
 * @see paper, Supplement B.1 "Inference"; docs/method.md §7
 */
export async function predictCase(
  models: readonly Model[],
  preprocessed: PreprocessedCase,
  options: PredictCaseOptions = {},
): Promise<CaseScores> {
  const { stepFraction = 0.5, mirroring = true, gaussian = true, signal, onEvent } = options;
  const network = commonNetwork(models);
  const caseId = preprocessed.properties.id;
  const [channels, ...size] = preprocessed.shape;
  if (channels !== network.inputChannels) {
    const expected = [network.inputChannels, ...size];
    throw new ShapeMismatchError(
      `preprocessed case ${caseId}`,
      expected,
      preprocessed.shape,
      "the model needs these channels",
    );
  }
  if (preprocessed.data.length !== elementCount(preprocessed.shape)) {
    throw new ShapeMismatchError(`data of preprocessed case ${caseId}`, preprocessed.shape, [preprocessed.data.length]);
  }
  const { patchSize, configuration } = network;
  const { outputChannels } = network.labels;
  const patches = layPatches(size as unknown as Shape3, patchSize, stepFraction, gaussian);
  const copies = mirrorings(mirroring ? network.mirrorAxes : []);
  const total = patches.length * copies.length;
  const atOnce = Math.min(total, patchesPerRun(options.patchesPerRun, patchSize));

  const memory = describeMemory(estimateMemory(network.metadata, preprocessed.shape, options));
  const text = `case ${caseId}: ${counted(total, "patch", "patches")} (mirrored copies counted), about ${memory}`;
  onEvent?.({ type: "message", stage: "predict", level: "info", text });

  const shape: VolumeShape = [outputChannels, ...(size as unknown as Shape3)];
  const scores = allocate(shape, caseId);
  const patchLength = elementCount(patchSize);
  const batch = new Float32Array(atOnce * channels * patchLength);
  const share = 1 / (models.length * copies.length);
  for (let first = 0; first < total; first += atOnce) {
    const count = Math.min(atOnce, total - first);
    const placements: Placement[] = [];
    for (let i = 0; i < count; i++) {
      const patch = patches[Math.floor((first + i) / copies.length)]!;
      const copy = copies[(first + i) % copies.length]!;
      copyPatch(preprocessed.data, preprocessed.shape, patch.start, patchSize, copy, batch, i * channels * patchLength);
      placements.push(placement(patch, patchSize, copy, share));
    }
    const input = batch.subarray(0, count * channels * patchLength);
    for (const model of models) {
      throwIfCancelled(signal, `prediction of case ${caseId}`);
      const { data, shape: got } = await model.run(input, [count, channels, ...configuration.patchSize]);
      checkLogits(
        data,
        got,
        [count, outputChannels, ...configuration.patchSize],
        network.metadata.configuration,
        caseId,
      );
      for (let i = 0; i < count; i++) {
        const offset = i * outputChannels * patchLength;
        addPrediction(scores, shape, data, offset, network.activation, placements[i]!);
      }
    }
    onEvent?.({ type: "progress", stage: "predict", done: first + count, total, item: caseId });
  }
  return { scores, shape, kind: configuration.averaging };
}

/** The mean over models and mirrored copies goes into the z factor. */
function placement({ start, shares }: Patch, patchSize: Shape3, mirroring: Mirroring, share: number): Placement {
  return { start, patchSize, mirroring, shares: [shares[0].map((weight) => weight * share), shares[1], shares[2]] };
}

function allocate(shape: VolumeShape, caseId: string): Float32Array {
  try {
    return new Float32Array(elementCount(shape));
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const gigabytes = ((elementCount(shape) * 4) / 1e9).toFixed(1);
    throw new UnsupportedError(
      `scores of case ${caseId}, [${shape}] float32 (${gigabytes} GB)`,
      "use a configuration with a coarser spacing (3d_lowres), or a machine with more memory",
    );
  }
}

function checkLogits(
  logits: Float32Array,
  shape: readonly number[],
  expected: readonly number[],
  configuration: string,
  caseId: string,
): void {
  if (shape.length !== expected.length || shape.some((n, axis) => n !== expected[axis])) {
    throw new ShapeMismatchError(`logits of the model (${configuration})`, expected, shape, "export the model again");
  }
  let doubt = 0; // v − v is 0 for finite v, else NaN, which stays
  for (let i = 0; i < logits.length; i++) doubt += logits[i]! - logits[i]!;
  if (doubt === 0) return;
  throw new InvalidArtifactError(
    `model (${configuration})`,
    "logits",
    `the network gave NaN or infinite values for case ${caseId}; its training diverged, or the image has such voxels`,
  );
}
