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
 * @see docs/method.md §0 item 18
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
 * @param evenSlices - draw a foreground voxel's slice first, uniformly among those that hold the class (2D, `paper`)
 * @see docs/method.md §4.2 and §0 items 18 and 19
 */
export function choosePatchStart(
  sampled: SampledCase,
  loaderPatch: Shape3,
  networkPatch: Shape3,
  foreground: boolean,
  random: RandomGenerator,
  evenSlices = false,
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
  const voxel = chooseVoxel(sampled, foreground, random, evenSlices);
  if (voxel === undefined) {
    return [0, 1, 2].map((axis) => random.integer(lowest[axis]!, highest[axis]! + 1)) as unknown as Shape3;
  }
  const [, ny, nx] = sampled.size;
  const position = [Math.floor(voxel / (ny * nx)), Math.floor(voxel / nx) % ny, voxel % nx];
  // Clamped from below only: a patch centred near the far border may reach further out (docs/method.md §0 item 19).
  return [0, 1, 2].map((axis) =>
    Math.max(lowest[axis]!, position[axis]! - Math.floor(loaderPatch[axis]! / 2)),
  ) as unknown as Shape3;
}

function chooseVoxel(
  { size, classLocations }: SampledCase,
  foreground: boolean,
  random: RandomGenerator,
  evenSlices: boolean,
): number | undefined {
  const annotated = Object.keys(classLocations).find((key) => key.startsWith("-1"));
  const present = Object.keys(classLocations)
    .filter((name) => name !== annotated && classLocations[name]!.length > 0)
    .sort(); // so that the draw does not depend on how the case was stored
  const ofClass = foreground && present.length > 0;
  const key = ofClass ? present[random.integer(0, present.length)] : annotated;
  const voxels = key === undefined ? undefined : classLocations[key];
  if (!voxels?.length) return undefined;
  if (!(ofClass && evenSlices)) return voxels[random.integer(0, voxels.length)];

  const { order, slices } = bySlice(voxels, size[1] * size[2]);
  const [first, end] = slices[random.integer(0, slices.length)]!;
  return order[random.integer(first, end)];
}

interface VoxelsBySlice {
  /** Voxels of a slice keep their order. */
  readonly order: Int32Array;
  /** Of slices that hold any: first and end in `order`. */
  readonly slices: readonly (readonly [first: number, end: number])[];
}

/** A class of a large case has a million voxels, and is drawn from again and again. */
const known = new WeakMap<Int32Array, { readonly plane: number } & VoxelsBySlice>();

function bySlice(voxels: Int32Array, plane: number): VoxelsBySlice {
  const before = known.get(voxels);
  if (before?.plane === plane) return before;
  const slice = (voxel: number) => Math.floor(voxel / plane);
  const sorted = voxels.every((voxel, i) => i === 0 || slice(voxels[i - 1]!) <= slice(voxel));
  const order = sorted ? voxels : Int32Array.from([...voxels].sort((a, b) => slice(a) - slice(b))); // a stable sort
  const slices: [number, number][] = [];
  let z = -1;
  for (let i = 0; i < order.length; i++) {
    if (slice(order[i]!) !== z) slices.push([i, i]);
    z = slice(order[i]!);
    slices.at(-1)![1] = i + 1;
  }
  const found = { plane, order, slices };
  known.set(voxels, found);
  return found;
}
