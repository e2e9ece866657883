import { elementCount, type Shape3 } from "@nnunet/core";
import type { SpatialParameters } from "./augmentation-parameters.ts";
import { type InsideOfBox, writeChannel, writeLabels } from "./read-padded-patch.ts";
import { reachedBox, type SamplingTransform } from "./spatial-transform.ts";
import { transformImage } from "./transform-image.ts";
import { transformLabels } from "./transform-labels.ts";

/** The part of the loader patch that a sample needs, and how it is sampled; without a transform, its middle. */
export interface ReadRegion {
  readonly first: Shape3;
  readonly size: Shape3;
  readonly transform: SamplingTransform | undefined;
}

/** @param loader - size of the loader patch; @param shape - size of the network's patch, both [z, y, x] */
export function regionToRead(
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

/** What was read becomes the channels of the network's patch of `shape`; `source` has room for one channel of it. */
export function placeImage(
  read: InsideOfBox,
  source: Float32Array,
  image: Float32Array,
  { size, transform }: ReadRegion,
  shape: Shape3,
  spatial: SpatialParameters,
): void {
  const voxels = elementCount(shape);
  for (let at = 0, c = 0; at < image.length; at += voxels, c++) {
    const out = image.subarray(at, at + voxels);
    if (transform === undefined) writeChannel(read, c, out);
    else {
      writeChannel(read, c, source);
      transformImage(source, size, shape, transform, spatial.imageInterpolation, out, { overwriteSource: true });
    }
  }
}

/** What was read becomes the labels of the network's patch of `shape`; `source` has room for all of it. */
export function placeLabels(
  read: InsideOfBox,
  source: Int16Array,
  out: Int16Array,
  { size, transform }: ReadRegion,
  shape: Shape3,
  spatial: SpatialParameters,
): void {
  if (transform === undefined) writeLabels(read, out);
  else {
    writeLabels(read, source);
    transformLabels(source, size, shape, transform, spatial.labelInterpolation, -1, out);
  }
}
