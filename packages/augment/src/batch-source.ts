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
import { augmentIntensities } from "./augment-patch.ts";
import { augmentPreviousSegmentation, oneHot } from "./augment-previous.ts";
import {
  type AugmentationParameters,
  augmentationParameters,
  type SpatialParameters,
} from "./augmentation-parameters.ts";
import { choosePatchStart, isForegroundSample } from "./choose-patch.ts";
import { drawSpatialTransform } from "./draw-spatial-transform.ts";
import { loaderPatchSize, maximumRotation } from "./loader-patch-size.ts";
import { mirrorInPlace } from "./mirror.ts";
import { readPaddedPatch } from "./read-padded-patch.ts";
import { scaledShape, writeTarget } from "./segmentation-targets.ts";
import { reachedBox, type SamplingTransform } from "./spatial-transform.ts";
import { transformImage } from "./transform-image.ts";
import { transformLabels } from "./transform-labels.ts";

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
  /**
   * The previous configuration's segmentations, one per case in the same order and on the same grid. Their foreground
   * labels become extra 0/1 channels after the image's (cascade). Only `seg` of a patch is used; `shape[0]` may be 0.
   */
  readonly previousSegmentations?: readonly PreviousSegmentationReader[];
}

export type PreviousSegmentationReader = Pick<PreprocessedCaseReader, "id" | "shape" | "readPatch">;

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
    previousSegmentations,
  } = options;
  const parameters =
    mode === "validation"
      ? augmentationParameters.none
      : (options.augmentation ?? augmentationParameters[configuration.augmentation]);
  checkOptions({ ...options, batchSize, foregroundOversampling, mirrorAxes });

  const { patchSize } = configuration;
  const flat = patchSize.length === 2;
  const shape = inSpace(patchSize);
  const imageChannels = cases[0]!.shape[0];
  const previousLabels = previousSegmentations ? labels.foreground : [];
  const channels = imageChannels + previousLabels.length;
  const voxels = elementCount(shape);
  const dummy2d = !flat && configuration.dummy2dAugmentation;
  const inPlane = flat || dummy2d;
  const moves = parameters.spatial.rotationProbability > 0 || parameters.spatial.scalingProbability > 0;
  const rotation = maximumRotation(patchSize, dummy2d);
  const loader = moves ? inSpace(loaderPatchSize(patchSize, rotation, dummy2d)) : shape;
  const axes = mirrorAxes.map((axis) => (flat ? axis + 1 : axis) as 0 | 1 | 2);
  const outputs = outputScales.map((scale) => scaledShape(patchSize, scale));
  const regionCount = labels.regions?.length ?? 1;
  // Scratch; nothing is awaited while it is in use.
  const seg = new Int16Array(voxels);
  const previous = new Int16Array(previousSegmentations ? voxels : 0);

  async function writeSample(sample: number, random: RandomGenerator, batch: TrainingBatch): Promise<string> {
    const index = random.integer(0, cases.length);
    const chosen = cases[index]!;
    if (chosen.shape[0] !== imageChannels) {
      throw new ShapeMismatchError(`case ${chosen.id}`, [imageChannels, ...chosen.shape.slice(1)], chosen.shape);
    }
    const start = choosePatchStart(
      { size: [chosen.shape[1], chosen.shape[2], chosen.shape[3]], classLocations: chosen.classLocations },
      loader,
      shape,
      isForegroundSample(sample, batchSize, foregroundOversampling),
      random,
    );
    const transform = drawSpatialTransform(parameters.spatial, rotation, inPlane, random);
    const region = regionToRead(loader, shape, transform, parameters.spatial.imageInterpolation);
    const first = start.map((s, axis) => s + region.first[axis]!) as unknown as Shape3;
    const read = await readPaddedPatch(chosen, first, region.size);
    const readPrevious = previousSegmentations
      ? await readPaddedPatch(previousSegmentations[index]!, first, region.size)
      : undefined;

    const data = batch.data.subarray(sample * channels * voxels, (sample + 1) * channels * voxels);
    const image = data.subarray(0, imageChannels * voxels);
    placePatch(read.data, image, read.seg, seg, region, shape, parameters.spatial);
    if (readPrevious) placeLabels(readPrevious.seg, previous, region, shape, parameters.spatial);
    augmentIntensities(image, shape, parameters, dummy2d, random);
    for (const axis of axes) {
      if (!random.chance(parameters.mirror.probability)) continue;
      mirrorInPlace(image, shape, axis);
      mirrorInPlace(seg, shape, axis);
      if (readPrevious) mirrorInPlace(previous, shape, axis);
    }
    clearOutsideMask(image, seg, configuration.useMaskForNorm);
    if (readPrevious) {
      const masks = oneHot(previous, previousLabels);
      augmentPreviousSegmentation(masks, shape, parameters.cascade, random);
      for (const [i, mask] of masks.entries()) data.set(mask, (imageChannels + i) * voxels);
    }
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

/** The part of the loader patch that a sample needs, and how it is sampled; without a transform, its middle. */
interface ReadRegion {
  readonly first: Shape3;
  readonly size: Shape3;
  readonly transform: SamplingTransform | undefined;
}

function regionToRead(
  loader: Shape3,
  shape: Shape3,
  transform: SamplingTransform | undefined,
  interpolation: "linear" | "cubic",
): ReadRegion {
  if (transform === undefined) {
    const first = loader.map((n, axis) => Math.floor((n - shape[axis]!) / 2)) as unknown as Shape3;
    return { first, size: shape, transform };
  }
  const box = reachedBox(loader, shape, transform, interpolation === "cubic" ? 12 : 1);
  const centre = box.map(([first], axis) => (loader[axis]! - 1) / 2 - first) as [number, number, number];
  return {
    first: box.map(([first]) => first) as unknown as Shape3,
    size: box.map(([first, end]) => end - first) as unknown as Shape3,
    transform: { ...transform, centre },
  };
}

function placePatch(
  readData: Float32Array,
  image: Float32Array,
  readSeg: Int16Array,
  seg: Int16Array,
  region: ReadRegion,
  shape: Shape3,
  spatial: SpatialParameters,
): void {
  placeLabels(readSeg, seg, region, shape, spatial);
  const { size, transform } = region;
  if (transform === undefined) {
    image.set(readData);
    return;
  }
  const from = elementCount(size);
  const to = elementCount(shape);
  for (let c = 0; c * to < image.length; c++) {
    const source = readData.subarray(c * from, (c + 1) * from);
    const out = image.subarray(c * to, (c + 1) * to);
    transformImage(source, size, shape, transform, spatial.imageInterpolation, out);
  }
}

function placeLabels(
  read: Int16Array,
  out: Int16Array,
  { size, transform }: ReadRegion,
  shape: Shape3,
  spatial: SpatialParameters,
): void {
  if (transform === undefined) out.set(read);
  else transformLabels(read, size, shape, transform, spatial.labelInterpolation, -1, out);
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
  const { previousSegmentations } = options;
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
  if (previousSegmentations === undefined) return;
  for (const [i, { id, shape }] of cases.entries()) {
    const previous = previousSegmentations[i];
    if (previous === undefined) {
      throw new InvalidArgumentError("previousSegmentations", `one per case (${cases.length})`, previousSegmentations);
    }
    if (previous.shape.slice(1).some((n, axis) => n !== shape[axis + 1])) {
      throw new ShapeMismatchError(
        `previous segmentation of case ${id}`,
        shape.slice(1),
        previous.shape.slice(1),
        "resample it to the grid of this configuration first",
      );
    }
  }
}
