import {
  elementCount,
  InvalidArgumentError,
  type LabelMetrics,
  type LabelSet,
  type Shape3,
  ShapeMismatchError,
  type Spacing,
  type VoxelArray,
} from "@nnunet/core";
import { labelGroups } from "./case-metrics.ts";
import { squaredDistances } from "./distance-transform.ts";
import { percentile } from "./percentile.ts";

/** How far apart the surfaces of a reference and a prediction lie. */
export interface SurfaceMetrics {
  /** The larger of the two directed 95th percentiles of the distances, mm. */
  readonly hd95: number;
  /** Mean of all distances, both directions, mm. */
  readonly assd: number;
  /** Share of both surfaces that lies within the tolerance of the other, 0 to 1. */
  readonly nsd: number;
}

/**
 * Distances between the surfaces of reference and prediction, label by label (or region by region).
 *
 * The surface of a label is made of its voxels with a face neighbour outside the label; beyond the image is outside.
 * Distances go from voxel centre to voxel centre. Where neither has the label all three are NaN; where only one has
 * it the distances are infinite and `nsd` is 0. What is predicted on ignored voxels is left out.
 *
 * @param reference - label ids, [z, y, x]
 * @param prediction - label ids, [z, y, x]
 * @param spacing - mm, [z, y, x]
 * @param options.tolerance - for `nsd`, mm; 1 by default
 * @returns keyed as {@link caseMetrics}
 * @throws {ShapeMismatchError} if an array has not the voxels of `shape`
 * @throws {InvalidArgumentError} if the tolerance is negative or a spacing is not positive
 * @example surfaceMetrics(reference, prediction, [40, 56, 40], [1, 1, 1], labels)["1"].hd95; // 1.4142…
 * @see Maier-Hein, Reinke et al. 2024, Nature Methods 21:195 (HD95, ASSD, NSD)
 */
export function surfaceMetrics(
  reference: VoxelArray,
  prediction: VoxelArray,
  shape: Shape3,
  spacing: Spacing,
  labels: LabelSet,
  { tolerance = 1 }: { readonly tolerance?: number } = {},
): Record<string, SurfaceMetrics> {
  for (const [name, voxels] of [["reference", reference] as const, ["prediction", prediction] as const]) {
    if (voxels.length !== elementCount(shape)) throw new ShapeMismatchError(name, shape, [voxels.length]);
  }
  if (!(tolerance >= 0)) throw new InvalidArgumentError("tolerance", "a number of mm, at least 0", tolerance);
  const ignored = (i: number) => labels.ignoreLabel !== undefined && reference[i] === labels.ignoreLabel;
  return Object.fromEntries(
    labelGroups(labels).map(({ key, ids }) => {
      const inReference = new Uint8Array(reference.length);
      const inPrediction = new Uint8Array(reference.length);
      for (let i = 0; i < reference.length; i++) {
        if (ids.has(reference[i]!)) inReference[i] = 1;
        if (ids.has(prediction[i]!) && !ignored(i)) inPrediction[i] = 1;
      }
      return [key, compareSurfaces(inReference, inPrediction, shape, spacing, tolerance)];
    }),
  );
}

/** Predicted minus reference volume, in mL and relative to the reference (NaN where the reference is empty). */
export function volumeError(
  { predictedVoxels, referenceVoxels }: Pick<LabelMetrics, "predictedVoxels" | "referenceVoxels">,
  spacing: Spacing,
): { readonly millilitres: number; readonly relative: number } {
  const voxels = predictedVoxels - referenceVoxels;
  return {
    millilitres: (voxels * elementCount(spacing)) / 1000,
    relative: referenceVoxels === 0 ? Number.NaN : voxels / referenceVoxels,
  };
}

function compareSurfaces(
  a: Uint8Array,
  b: Uint8Array,
  shape: Shape3,
  spacing: Spacing,
  tolerance: number,
): SurfaceMetrics {
  // No voxel outside the box around both can be on a surface or nearer to one: work inside it only.
  const box = boxAround(a, b, shape);
  if (box === undefined) return { hd95: Number.NaN, assd: Number.NaN, nsd: Number.NaN };
  const size = box.map(([first, end]) => end - first) as unknown as Shape3;
  const surfaceA = surface(crop(a, shape, box), size);
  const surfaceB = surface(crop(b, shape, box), size);
  const fromA = distancesAt(surfaceA, squaredDistances(surfaceB, size, spacing));
  const fromB = distancesAt(surfaceB, squaredDistances(surfaceA, size, spacing));
  if (fromA.length === 0 || fromB.length === 0) {
    return { hd95: Number.POSITIVE_INFINITY, assd: Number.POSITIVE_INFINITY, nsd: 0 };
  }
  const count = fromA.length + fromB.length;
  const sum = (values: Float64Array) => values.reduce((total, value) => total + value, 0);
  const within = (values: Float64Array) => values.reduce((n, value) => n + (value <= tolerance ? 1 : 0), 0);
  return {
    hd95: Math.max(percentile(fromA.sort(), 0.95), percentile(fromB.sort(), 0.95)),
    assd: (sum(fromA) + sum(fromB)) / count,
    nsd: (within(fromA) + within(fromB)) / count,
  };
}

type Box = readonly (readonly [first: number, end: number])[];

function boxAround(a: Uint8Array, b: Uint8Array, [sizeZ, sizeY, sizeX]: Shape3): Box | undefined {
  const first = [sizeZ, sizeY, sizeX];
  const last = [-1, -1, -1];
  for (let z = 0, i = 0; z < sizeZ; z++) {
    for (let y = 0; y < sizeY; y++) {
      for (let x = 0; x < sizeX; x++, i++) {
        if (!(a[i] || b[i])) continue;
        if (z < first[0]!) first[0] = z;
        if (z > last[0]!) last[0] = z;
        if (y < first[1]!) first[1] = y;
        if (y > last[1]!) last[1] = y;
        if (x < first[2]!) first[2] = x;
        if (x > last[2]!) last[2] = x;
      }
    }
  }
  return last[0] === -1 ? undefined : first.map((n, axis) => [n, last[axis]! + 1] as const);
}

function crop(mask: Uint8Array, [, sizeY, sizeX]: Shape3, [z, y, x]: Box): Uint8Array {
  const width = x![1] - x![0];
  const out = new Uint8Array((z![1] - z![0]) * (y![1] - y![0]) * width);
  let to = 0;
  for (let k = z![0]; k < z![1]; k++) {
    for (let j = y![0]; j < y![1]; j++, to += width) {
      const row = (k * sizeY + j) * sizeX;
      out.set(mask.subarray(row + x![0], row + x![1]), to);
    }
  }
  return out;
}

/** Voxels of the mask with a face neighbour outside it. */
function surface(mask: Uint8Array, [sizeZ, sizeY, sizeX]: Shape3): Uint8Array {
  const out = new Uint8Array(mask.length);
  const slice = sizeY * sizeX;
  for (let z = 0, i = 0; z < sizeZ; z++) {
    for (let y = 0; y < sizeY; y++) {
      for (let x = 0; x < sizeX; x++, i++) {
        if (!mask[i]) continue;
        const inner =
          x > 0 &&
          mask[i - 1] &&
          x < sizeX - 1 &&
          mask[i + 1] &&
          y > 0 &&
          mask[i - sizeX] &&
          y < sizeY - 1 &&
          mask[i + sizeX] &&
          z > 0 &&
          mask[i - slice] &&
          z < sizeZ - 1 &&
          mask[i + slice];
        if (!inner) out[i] = 1;
      }
    }
  }
  return out;
}

function distancesAt(surfaceVoxels: Uint8Array, squared: Float32Array): Float64Array {
  const distances: number[] = [];
  for (let i = 0; i < surfaceVoxels.length; i++) if (surfaceVoxels[i]) distances.push(Math.sqrt(squared[i]!));
  return Float64Array.from(distances);
}
