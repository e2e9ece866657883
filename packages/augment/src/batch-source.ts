import {
  type BatchSource,
  type Configuration,
  createRandom,
  elementCount,
  InvalidArgumentError,
  type LabelSet,
  type PreprocessedCaseReader,
  type RandomGenerator,
  type Shape3,
  ShapeMismatchError,
  type TrainingBatch,
} from "@nnunet/core";
import { augmentIntensities, mirrorRandomly } from "./augment-patch.ts";
import { type AugmentationParameters, augmentationParameters } from "./augmentation-parameters.ts";
import { choosePatchStart, isForegroundSample } from "./choose-patch.ts";
import { loaderPatchSize, maximumRotation } from "./loader-patch-size.ts";
import { readPaddedPatch } from "./read-padded-patch.ts";
import { scaledShape, writeTarget } from "./segmentation-targets.ts";

export interface BatchSourceOptions {
  /** The cases of the fold, drawn uniformly with replacement. */
  readonly cases: readonly PreprocessedCaseReader[];
  readonly configuration: Pick<
    Configuration,
    "patchSize" | "batchSize" | "dummy2dAugmentation" | "useMaskForNorm" | "augmentation"
  >;
  readonly labels: LabelSet;
  readonly seed: number;
  /** `validation`: the network's patch, not augmented, still oversampled. */
  readonly mode: "training" | "validation";
  /** One entry per deep-supervision output, each a fraction per axis of the patch; the first is all 1. */
  readonly outputScales: readonly (readonly number[])[];
  /** The configuration's by default. */
  readonly batchSize?: number;
  /** Fraction of a batch that must contain foreground; 0.33. */
  readonly foregroundOversampling?: number;
  /** By default the set that the configuration names. */
  readonly augmentation?: AugmentationParameters;
  /** Axes of `patchSize` that may be mirrored; all by default. Leave out left–right for sided labels. */
  readonly mirrorAxes?: readonly number[];
}

/**
 * Training batches as a pure function of (seed, epoch, iteration): the same batch in any process, whatever was asked
 * for before, so neither the number of workers nor the order of requests matters.
 *
 * Each batch has its own fresh arrays, so their buffers may be transferred to another thread.
 *
 * @throws {InvalidArgumentError} if a size, fraction or axis makes no sense, or there is no case
 * @throws {ShapeMismatchError} (from `batch`) if the channels of two cases differ
 * @example
 * const source = createBatchSource({ cases, configuration, labels, seed: 1, mode: "training", outputScales: [[1, 1, 1]] });
 * const { data, shape, targets } = await source.batch(0, 0); // shape [2, 1, 40, 56, 40]
 * @see paper, Online Methods (training) and Supplement D; facts.md §4
 */
export function createBatchSource(options: BatchSourceOptions): BatchSource {
  const {
    cases,
    configuration,
    labels,
    seed,
    mode,
    outputScales,
    batchSize = configuration.batchSize,
    foregroundOversampling = 0.33,
    mirrorAxes = configuration.patchSize.map((_, axis) => axis),
  } = options;
  const parameters =
    mode === "validation"
      ? augmentationParameters.none
      : (options.augmentation ?? augmentationParameters[configuration.augmentation]);
  checkOptions({ ...options, batchSize, foregroundOversampling, mirrorAxes });

  const { patchSize } = configuration;
  const flat = patchSize.length === 2;
  const shape = inSpace(patchSize);
  const channels = cases[0]!.shape[0];
  const voxels = elementCount(shape);
  const dummy2d = !flat && configuration.dummy2dAugmentation;
  const moves = parameters.spatial.rotationProbability > 0 || parameters.spatial.scalingProbability > 0;
  const loader = moves ? inSpace(loaderPatchSize(patchSize, maximumRotation(patchSize, dummy2d), dummy2d)) : shape;
  const axes = mirrorAxes.map((axis) => (flat ? axis + 1 : axis) as 0 | 1 | 2);
  const outputs = outputScales.map((scale) => scaledShape(patchSize, scale));
  const regionCount = labels.regions?.length ?? 1;
  const seg = new Int16Array(voxels); // scratch; nothing is awaited while it is in use

  async function writeSample(sample: number, random: RandomGenerator, batch: TrainingBatch): Promise<string> {
    const chosen = cases[random.integer(0, cases.length)]!;
    if (chosen.shape[0] !== channels) {
      throw new ShapeMismatchError(`case ${chosen.id}`, [channels, ...chosen.shape.slice(1)], chosen.shape);
    }
    const start = choosePatchStart(
      { size: [chosen.shape[1], chosen.shape[2], chosen.shape[3]], classLocations: chosen.classLocations },
      loader,
      shape,
      isForegroundSample(sample, batchSize, foregroundOversampling),
      random,
    );
    // Without rotation and scaling only the centre of the loader patch is used, so only that is read.
    const centre = start.map((s, axis) => s + Math.floor((loader[axis]! - shape[axis]!) / 2)) as unknown as Shape3;
    const read = await readPaddedPatch(chosen, centre, shape);
    const data = batch.data.subarray(sample * channels * voxels, (sample + 1) * channels * voxels);
    data.set(read.data);
    seg.set(read.seg);

    augmentIntensities(data, shape, parameters, dummy2d, random);
    mirrorRandomly(data, seg, shape, axes, parameters.mirror.probability, random);
    clearOutsideMask(data, seg, configuration.useMaskForNorm);
    for (const [i, target] of batch.targets.entries()) {
      const size = inSpace(outputs[i]!);
      writeTarget(seg, shape, size, labels, target.data, sample * regionCount * elementCount(size));
    }
    return chosen.id;
  }

  return {
    async batch(epoch, iteration) {
      const batch = {
        data: new Float32Array(batchSize * channels * voxels),
        shape: [batchSize, channels, ...patchSize],
        targets: outputs.map((size) => ({
          data: new Int32Array(batchSize * regionCount * elementCount(size)),
          shape: [batchSize, regionCount, ...size],
        })),
        caseIds: [] as string[],
      };
      for (let sample = 0; sample < batchSize; sample++) {
        const key = mode === "training" ? "batch" : "validation batch";
        batch.caseIds.push(await writeSample(sample, createRandom(seed, key, epoch, iteration, sample), batch));
      }
      return batch;
    },
    async close() {},
  };
}

/** [y, x] as [1, y, x]: a 2D patch is a slice of a 3D case. */
function inSpace(size: readonly number[]): Shape3 {
  return (size.length === 2 ? [1, ...size] : [...size]) as unknown as Shape3;
}

/** Channels normalised inside the nonzero region alone are 0 outside of it again (facts.md §4.3, step 9). */
function clearOutsideMask(data: Float32Array, seg: Int16Array, useMaskForNorm: readonly boolean[]): void {
  for (const [c, masked] of useMaskForNorm.entries()) {
    if (!masked) continue;
    const offset = c * seg.length;
    for (let i = 0; i < seg.length; i++) if (seg[i]! < 0) data[offset + i] = 0;
  }
}

function checkOptions(
  options: BatchSourceOptions & { batchSize: number; foregroundOversampling: number; mirrorAxes: readonly number[] },
): void {
  const { cases, configuration, batchSize, foregroundOversampling, mirrorAxes, outputScales } = options;
  const axes = configuration.patchSize.length;
  if (cases.length === 0) throw new InvalidArgumentError("cases", "at least one preprocessed case", cases);
  if (axes !== 2 && axes !== 3) {
    throw new InvalidArgumentError("configuration.patchSize", "two or three axes [(z,) y, x]", configuration.patchSize);
  }
  if (!(Number.isInteger(batchSize) && batchSize > 0)) {
    throw new InvalidArgumentError("batchSize", "a positive integer", batchSize);
  }
  if (!(foregroundOversampling >= 0 && foregroundOversampling <= 1)) {
    throw new InvalidArgumentError("foregroundOversampling", "a fraction in [0, 1]", foregroundOversampling);
  }
  if (!mirrorAxes.every((axis) => Number.isInteger(axis) && axis >= 0 && axis < axes)) {
    throw new InvalidArgumentError("mirrorAxes", `axes of the patch, 0 to ${axes - 1}`, mirrorAxes);
  }
  if (outputScales.length === 0 || !outputScales.every((s) => s.length === axes && s.every((f) => f > 0 && f <= 1))) {
    throw new InvalidArgumentError(
      "outputScales",
      `lists of ${axes} fractions in (0, 1], one list per output`,
      outputScales,
    );
  }
}
