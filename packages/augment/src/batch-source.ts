import {
  type BatchSource,
  createRandom,
  elementCount,
  type RandomGenerator,
  type Shape3,
  ShapeMismatchError,
  type TrainingBatch,
} from "@nnunet/core";
import { augmentIntensities } from "./augment-patch.ts";
import { augmentPreviousSegmentation, oneHot } from "./augment-previous.ts";
import { augmentationParameters } from "./augmentation-parameters.ts";
import { type BatchSourceOptions, checkOptions } from "./batch-source-options.ts";
import { choosePatchStart, isForegroundSample } from "./choose-patch.ts";
import { drawSpatialTransform } from "./draw-spatial-transform.ts";
import { loaderPatchSize, maximumRotation } from "./loader-patch-size.ts";
import { mirrorInPlace } from "./mirror.ts";
import { augmentInPlace, type OwnAugmentation, refuseUnknownLabels } from "./own-augmentation.ts";
import { placeImage, placeLabels, regionToRead } from "./place-patch.ts";
import { readInside } from "./read-padded-patch.ts";
import { samplingScratch } from "./sampling-simd.ts";
import { scaledShape, writeTarget } from "./segmentation-targets.ts";
import { patchRoom } from "./voxel-simd.ts";

/**
 * Training batches as a pure function of (seed, epoch, iteration): the same batch in any process, whatever was asked
 * for before, so neither the number of workers nor the order of requests matters.
 *
 * Each batch has its own fresh arrays, so their buffers may be transferred to another thread.
 *
 * @param own - changes a training patch in place after the intensities of our set, before mirroring
 * @throws {InvalidArgumentError} if a size, fraction or axis makes no sense, or there is no case
 * @throws {UnknownStageError} if the configuration names no set of ours and none is given
 * @throws {ShapeMismatchError} (from `batch`) if the channels of two cases differ
 * @throws {InvalidArgumentError} (from `batch`) what `own` must not do, or a label that no region is asked about
 * @example
 * const source = createBatchSource({ cases, configuration, labels, seed: 1, mode: "training", outputScales: [[1, 1, 1]] });
 * const { data, shape, targets } = await source.batch(0, 0); // shape [2, 1, 40, 56, 40]
 * @see paper, Online Methods (training) and Supplement D; docs/method.md §4
 */
export function createBatchSource(options: BatchSourceOptions, own?: OwnAugmentation): BatchSource {
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
  checkOptions({ ...options, batchSize, foregroundOversampling, mirrorAxes });
  const chosenSet = options.augmentation ?? augmentationParameters[configuration.augmentation];
  const parameters = mode === "validation" ? augmentationParameters.none : chosenSet;

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
      flat && chosenSet.foregroundSlice === "slice",
    );
    const transform = drawSpatialTransform(parameters.spatial, rotation, inPlane, random);
    const region = regionToRead(loader, shape, transform, parameters.spatial.imageInterpolation);
    const first = start.map((s, axis) => s + region.first[axis]!) as unknown as Shape3;
    const read = await readInside(chosen, first, region.size);
    const readPrevious = previousSegmentations
      ? await readInside(previousSegmentations[index]!, first, region.size)
      : undefined;

    const data = batch.data.subarray(sample * channels * voxels, (sample + 1) * channels * voxels);
    // Quickest in the memory of the SIMD instructions; from here on nothing is awaited. It is not for others' code.
    const sourceVoxels = region.transform ? elementCount(region.size) : 0;
    const room = patchRoom(imageChannels * voxels, voxels, sourceVoxels, samplingScratch(region.size, shape));
    let image: Float32Array = room.image;
    let seg: Int16Array = room.seg;
    placeImage(read, room.source.image, image, region, shape, parameters.spatial);
    placeLabels(read, room.source.seg, seg, region, shape, parameters.spatial);
    if (readPrevious) placeLabels(readPrevious, room.source.seg, previous, region, shape, parameters.spatial);
    augmentIntensities(image, shape, parameters, dummy2d, random);
    if (mode === "training" && own) {
      data.set(image);
      image = data.subarray(0, image.length);
      seg = seg.slice();
      augmentInPlace(own, { data: image, seg, shape }, random, labels, chosen.id);
    } else if (labels.regions) {
      refuseUnknownLabels(seg, labels, `case ${chosen.id}`); // a 0 in every region tells nobody; as a class it is refused later
    }
    const reversed = axes.filter(() => random.chance(parameters.mirror.probability));
    mirrorInPlace(image, shape, reversed);
    mirrorInPlace(seg, shape, reversed);
    if (readPrevious) mirrorInPlace(previous, shape, reversed);
    clearOutsideMask(image, seg, configuration.useMaskForNorm);
    if (image.buffer !== data.buffer) data.set(image);
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

/** Channels normalised inside the nonzero region alone are 0 outside of it again (docs/method.md §4.3, step 9). */
function clearOutsideMask(data: Float32Array, seg: Int16Array, useMaskForNorm: readonly boolean[]): void {
  for (const [c, masked] of useMaskForNorm.entries()) {
    if (!masked) continue;
    const offset = c * seg.length;
    for (let i = 0; i < seg.length; i++) if (seg[i]! < 0) data[offset + i] = 0;
  }
}
