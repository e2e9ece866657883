import type { RandomGenerator, Shape3 } from "@nnunet/core";

/** What sampling needs of a case. */
export interface SampledCase {
  /** [z, y, x] */
  readonly size: Shape3;
  /** Flat voxel indices per label id, or "a,b" for a region; a key starting "-1" holds all annotated voxels. */
  readonly classLocations: Readonly<Record<string, Int32Array>>;
}

/**
 * Whether a sample of the batch must contain foreground: the last ones, `batchSize − rne(batchSize · (1 − fraction))`.
 *
 * @example [0, 1, 2].map((i) => isForegroundSample(i, 3, 0.33)); // [false, false, true]
 * @see facts.md item 18
 */
export function isForegroundSample(sample: number, batchSize: number, fraction: number): boolean {
  const random = batchSize * (1 - fraction);
  const floor = Math.floor(random);
  const count = random - floor > 0.5 || (random - floor === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
  return sample >= count;
}

/**
 * First voxel of the patch to read, [z, y, x]; it may lie outside the volume by up to half of what the loader patch
 * exceeds the network patch, so that image borders reach the middle of patches.
 *
 * A foreground sample draws a class uniformly among those present in the case, then one of its stored voxels, and
 * centres the patch on it. A case without foreground is sampled at random. Where the dataset has an ignore label, the
 * other samples are centred on a random annotated voxel.
 *
 * @param loaderPatch - size to read, [z, y, x]
 * @param networkPatch - size the network sees, [z, y, x]
 * @see facts.md §4.2, items 18 and 19
 */
export function choosePatchStart(
  sampled: SampledCase,
  loaderPatch: Shape3,
  networkPatch: Shape3,
  foreground: boolean,
  random: RandomGenerator,
): Shape3 {
  const lowest = [0, 0, 0];
  const highest = [0, 0, 0];
  for (let axis = 0; axis < 3; axis++) {
    const extent = sampled.size[axis]!;
    const loader = loaderPatch[axis]!;
    const pad = Math.max(loader - networkPatch[axis]!, loader - extent);
    lowest[axis] = Math.floor(-pad / 2);
    highest[axis] = extent + Math.floor(pad / 2) + (pad % 2) - loader;
  }
  const voxel = chooseVoxel(sampled.classLocations, foreground, random);
  if (voxel === undefined) {
    return [0, 1, 2].map((axis) => random.integer(lowest[axis]!, highest[axis]! + 1)) as unknown as Shape3;
  }
  const [, ny, nx] = sampled.size;
  const position = [Math.floor(voxel / (ny * nx)), Math.floor(voxel / nx) % ny, voxel % nx];
  // Clamped from below only: a patch centred near the far border may reach further out (facts.md item 19).
  return [0, 1, 2].map((axis) =>
    Math.max(lowest[axis]!, position[axis]! - Math.floor(loaderPatch[axis]! / 2)),
  ) as unknown as Shape3;
}

function chooseVoxel(
  locations: Readonly<Record<string, Int32Array>>,
  foreground: boolean,
  random: RandomGenerator,
): number | undefined {
  const annotated = Object.keys(locations).find((key) => key.startsWith("-1"));
  let key = annotated;
  if (foreground) {
    const present = Object.keys(locations)
      .filter((name) => name !== annotated && locations[name]!.length > 0)
      .sort(); // so that the draw does not depend on how the case was stored
    if (present.length > 0) key = present[random.integer(0, present.length)];
  }
  const voxels = key === undefined ? undefined : locations[key];
  return voxels?.length ? voxels[random.integer(0, voxels.length)] : undefined;
}
