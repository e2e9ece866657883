import {
  elementCount,
  findConfiguration,
  type Plans,
  type PreprocessedProperties,
  type Shape3,
  type StoredImageCase,
  spatialShape,
  type VolumeShape,
  type VoxelArray,
} from "@nnunet/core";
import {
  type Box,
  cropTransposed,
  type LineReader,
  type NumberStore,
  nonzeroBox,
  resampleLabels,
  resampleSlices,
  transposeVolume,
} from "@nnunet/kernels";
import { type ChannelParts, channelNormalizer } from "./normalize.ts";
import { caseLayout, checkCase, croppedLabels, inside, usesMask } from "./preprocess-case.ts";
import { kernelOptions, labelOptions, resampledShape } from "./resampling-plan.ts";

/** Where preprocessed numbers go that memory may have no room for. */
export interface NumberRoom {
  /** @param length - numbers that will lie there at most */
  open(length: number): NumberStore & { close(): void };
}

/** An image as the network wants it, outside memory or in it. */
export interface PreprocessedImage {
  /** [channel, z, y, x] */
  readonly shape: VolumeShape;
  readonly numbers: NumberStore & { close(): void };
  readonly properties: PreprocessedProperties;
}

/**
 * What `preprocessCase` makes of an image without its label, bit by bit, plane by plane: beside the image as it is (16
 * bits may stay 16 bits) a few planes are in memory, and for z-scores in the nonzero region five bytes per voxel.
 *
 * Other arguments, and errors, as of `preprocessCase`.
 *
 * @param room - where the result lies, and volumes in between
 * @example
 * const memory = { open: (length: number) => ({ ...numbersInMemory(length), close() {} }) };
 * preprocessImage({ id: "liver_3", image }, plans, "3d_fullres", memory).shape; // [1, 40, 56, 40]
 */
export function preprocessImage(
  { id, image }: StoredImageCase,
  plans: Plans,
  configurationName: string,
  room: NumberRoom,
): PreprocessedImage {
  const configuration = findConfiguration(plans, configurationName);
  checkCase({ id, image }, configuration, configurationName);
  const axes = plans.transposeForward;
  const needsMask = usesMask(configuration);
  const { box, cropped } = needsMask
    ? croppedLabels({ id, image }, axes)
    : { box: nonzeroBox(image.data, image.shape), cropped: undefined };
  const layout = caseLayout({ id, image }, box, axes, configuration);
  const { originalShape, shapeAfterCropping: shape } = layout;
  const [spacing, targetSpacing] = [layout.spacingAfterTranspose, layout.spacingAfterResampling];
  const target = resampledShape(shape, spacing, targetSpacing);
  const { normalizeBeforeResampling } = configuration;
  const segOptions = labelOptions(configuration.resamplingSeg, spacing, targetSpacing);
  const mask =
    cropped && inside(normalizeBeforeResampling ? cropped : resampleLabels(cropped, shape, target, segOptions));

  const options = kernelOptions(configuration.resamplingData, spacing, targetSpacing, "resampling_fn_data");
  const channels = image.shape[0];
  const [voxels, targetVoxels, slice] = [elementCount(originalShape), elementCount(target), target[1] * target[2]];
  const largest = Math.max(elementCount(shape), targetVoxels, shape[0] * slice, target[0] * shape[1] * shape[2]);
  const numbers = room.open(channels * targetVoxels);
  const between: (NumberStore & { close(): void })[] = [];
  try {
    for (let c = 0; c < channels; c++) {
      const channel = image.data.subarray(c * voxels, (c + 1) * voxels);
      const read = (order: readonly number[]) =>
        croppedLines(
          channel,
          spatialShape(image),
          box,
          order.map((axis) => axes[axis]!),
        );
      const normalizer = (parts: ChannelParts) =>
        channelNormalizer(
          parts,
          configuration.normalizationSchemes[c]!,
          plans.foregroundIntensityPerChannel[c],
          configuration.useMaskForNorm[c] ? mask : undefined,
        );
      const out = shifted(numbers, c * targetVoxels);
      const store = () => {
        between.push(room.open(largest));
        return between.at(-1)!;
      };
      if (normalizeBeforeResampling) {
        const normalize = normalizer(partsOf(read([0, 1, 2]), shape));
        const normalized = (order: readonly number[]): LineReader => {
          const lines = read(order);
          const [, height, width] = order.map((axis) => shape[axis]!) as [number, number, number];
          const turned = mask && transposeVolume(mask, [1, ...shape], order).data;
          return (z, y0, y1, values) => {
            lines(z, y0, y1, values);
            normalize(values.subarray(0, (y1 - y0) * width), (z * height + y0) * width, turned);
          };
        };
        resampleSlices(normalized, shape, target, options, out, store);
      } else {
        resampleSlices(read, shape, target, options, out, store);
        const parts = partsOf((z, _, y1, values) => out.read(values.subarray(0, y1 * target[2]), z * slice), target);
        const normalize = normalizer(parts);
        parts((values, first) => {
          normalize(values, first);
          out.write(values, first);
        });
      }
      for (const used of between.splice(0)) used.close();
    }
  } catch (error) {
    for (const used of [...between, numbers]) used.close();
    throw error;
  }
  return { shape: [channels, ...target], numbers, properties: { ...layout, classLocations: {} } };
}

/** Lines of the crop of a channel, its axes in another order, as float32. */
function croppedLines(channel: VoxelArray, shape: Shape3, box: Box, axes: readonly number[]): LineReader {
  const [slow, middle, fast] = axes.map((axis) => box[axis]!) as [Box[number], Box[number], Box[number]];
  return (z, y0, y1, out) => {
    const part = [...box];
    part[axes[0]!] = [slow[0] + z, slow[0] + z + 1];
    part[axes[1]!] = [middle[0] + y0, middle[0] + y1];
    const length = (y1 - y0) * (fast[1] - fast[0]);
    cropTransposed(channel, shape, part, axes, out.subarray(0, length));
  };
}

/** Slice after slice. */
function partsOf(lines: LineReader, [depth, height, width]: Shape3): ChannelParts {
  const slice = new Float32Array(height * width);
  return (visit) => {
    for (let z = 0; z < depth; z++) {
      lines(z, 0, height, slice);
      visit(slice, z * slice.length);
    }
  };
}

function shifted(store: NumberStore, by: number): NumberStore {
  return {
    read: (values, first) => store.read(values, by + first),
    write: (values, first) => store.write(values, by + first),
  };
}
