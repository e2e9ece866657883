import {
  elementCount,
  InvalidArgumentError,
  type LabelMetrics,
  type LabelSet,
  percentile,
  type Shape3,
  ShapeMismatchError,
  type Spacing,
  type SurfaceMetrics,
  type VoxelArray,
} from "@nnunet/core";
import { labelGroups } from "./case-metrics.ts";
import { squaredDistances } from "./distance-transform.ts";
import { type Box, joinBoxes, labelBoxes } from "./label-boxes.ts";

/** Distances are roots of float32 squares: one that is the tolerance must not miss it by its rounding. */
const ROUNDING = 1e-6;

/**
 * Distances between the surfaces of reference and prediction, and the difference of their volumes, label by label (or
 * region by region), in one pass over the voxels and one look at the box around each label.
 *
 * The surface of a label is made of its voxels with a face neighbour outside the label; beyond the image is outside. An
 * axis of a single voxel is no axis: of a plane the outline counts, not its two faces. Distances go from voxel centre to
 * voxel centre. Where neither has the label all are NaN; where only one has it the distances are infinite and `nsd` is 0.
 * What is predicted on ignored voxels is left out.
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
  if (!(tolerance >= 0 && tolerance < Number.POSITIVE_INFINITY)) {
    throw new InvalidArgumentError("tolerance", "a number of mm, at least 0", tolerance);
  }
  const boxes = labelBoxes([reference, prediction], shape);
  return Object.fromEntries(
    labelGroups(labels).map(({ key, ids }) => {
      const box = joinBoxes([...ids].map((id) => boxes.get(id)).filter((found) => found !== undefined));
      if (box === undefined) return [key, nowhere];
      const inside = cropMasks(reference, prediction, shape, box, ids, labels.ignoreLabel);
      return [key, compare(inside, shape, box, spacing, tolerance)];
    }),
  );
}

/** Predicted minus reference volume, in mL and relative to the reference (NaN where the reference is empty). */
export function volumeError(
  { predictedVoxels, referenceVoxels }: Pick<LabelMetrics, "predictedVoxels" | "referenceVoxels">,
  spacing: Spacing,
): Pick<SurfaceMetrics, "volumeErrorMl" | "relativeVolumeError"> {
  const voxels = predictedVoxels - referenceVoxels;
  return {
    volumeErrorMl: (voxels * elementCount(spacing)) / 1000,
    relativeVolumeError: referenceVoxels === 0 ? Number.NaN : voxels / referenceVoxels,
  };
}

const nowhere: SurfaceMetrics = {
  hd95: Number.NaN,
  assd: Number.NaN,
  nsd: Number.NaN,
  volumeErrorMl: Number.NaN,
  relativeVolumeError: Number.NaN,
};

const REFERENCE = 1;
const PREDICTION = 2;

/** 0, REFERENCE, PREDICTION or both of them, for the voxels of the box. */
function cropMasks(
  reference: VoxelArray,
  prediction: VoxelArray,
  [, sizeY, sizeX]: Shape3,
  [z, y, x]: Box,
  ids: ReadonlySet<number>,
  ignoreLabel: number | undefined,
): Uint8Array {
  const inside = new Uint8Array((z[1] - z[0]) * (y[1] - y[0]) * (x[1] - x[0]));
  const isMember = lookUp(ids);
  let to = 0;
  for (let k = z[0]; k < z[1]; k++) {
    for (let j = y[0]; j < y[1]; j++) {
      const row = (k * sizeY + j) * sizeX;
      for (let i = row + x[0]; i < row + x[1]; i++, to++) {
        if (isMember(reference[i]!)) inside[to] = REFERENCE;
        if (isMember(prediction[i]!) && reference[i] !== ignoreLabel) inside[to]! |= PREDICTION;
      }
    }
  }
  return inside;
}

/** Most groups are one label, for which a comparison is several times faster than a set. */
function lookUp(ids: ReadonlySet<number>): (label: number) => boolean {
  const [only] = ids;
  return ids.size === 1 ? (label) => label === only : (label) => ids.has(label);
}

function compare(inside: Uint8Array, shape: Shape3, box: Box, spacing: Spacing, tolerance: number): SurfaceMetrics {
  // No voxel outside the box around both can be on a surface or nearer to one: work inside it only.
  const size: Shape3 = [box[0][1] - box[0][0], box[1][1] - box[1][0], box[2][1] - box[2][0]];
  const [referenceVoxels, predictedVoxels] = [count(inside, REFERENCE), count(inside, PREDICTION)];
  if (referenceVoxels === 0 && predictedVoxels === 0) return nowhere;
  const volumes = volumeError({ predictedVoxels, referenceVoxels }, spacing);
  if (referenceVoxels === 0 || predictedVoxels === 0) {
    return { hd95: Number.POSITIVE_INFINITY, assd: Number.POSITIVE_INFINITY, nsd: 0, ...volumes };
  }
  const outlines = [REFERENCE, PREDICTION].map((which) => surface(inside, which, size, shape)) as [
    Uint8Array,
    Uint8Array,
  ];
  const there = distancesAt(outlines[0], squaredDistances(outlines[1], size, spacing));
  const back = distancesAt(outlines[1], squaredDistances(outlines[0], size, spacing));
  const surfaceVoxels = there.length + back.length;
  const sum = (values: Float64Array) => values.reduce((total, value) => total + value, 0);
  const limit = tolerance * (1 + ROUNDING);
  const within = (values: Float64Array) => values.reduce((n, value) => n + (value <= limit ? 1 : 0), 0);
  return {
    hd95: Math.max(percentile(there.sort(), 0.95), percentile(back.sort(), 0.95)),
    assd: (sum(there) + sum(back)) / surfaceVoxels,
    nsd: (within(there) + within(back)) / surfaceVoxels,
    ...volumes,
  };
}

function count(inside: Uint8Array, which: number): number {
  let voxels = 0;
  for (let i = 0; i < inside.length; i++) if (inside[i]! & which) voxels++;
  return voxels;
}

/**
 * Voxels of one mask with a face neighbour outside it.
 *
 * @param shape - of the whole image: along an axis of one voxel there are no neighbours to be outside
 */
function surface(inside: Uint8Array, which: number, [sizeZ, sizeY, sizeX]: Shape3, shape: Shape3): Uint8Array {
  const out = new Uint8Array(inside.length);
  const slice = sizeY * sizeX;
  const [flatZ, flatY, flatX] = shape.map((n) => n === 1);
  const has = (i: number) => (inside[i]! & which) !== 0;
  for (let z = 0, i = 0; z < sizeZ; z++) {
    for (let y = 0; y < sizeY; y++) {
      for (let x = 0; x < sizeX; x++, i++) {
        if (!has(i)) continue;
        const isInner =
          (flatX || (x > 0 && x < sizeX - 1 && has(i - 1) && has(i + 1))) &&
          (flatY || (y > 0 && y < sizeY - 1 && has(i - sizeX) && has(i + sizeX))) &&
          (flatZ || (z > 0 && z < sizeZ - 1 && has(i - slice) && has(i + slice)));
        if (!isInner) out[i] = 1;
      }
    }
  }
  // A single voxel of an image that is one voxel in every direction has no outside but is a surface all the same.
  if (flatX && flatY && flatZ) out.fill(1);
  return out;
}

/** mm, one per surface voxel. */
function distancesAt(surfaceVoxels: Uint8Array, squared: Float32Array): Float64Array {
  const distances = new Float64Array(count(surfaceVoxels, 1));
  for (let i = 0, to = 0; i < surfaceVoxels.length; i++) if (surfaceVoxels[i]) distances[to++] = Math.sqrt(squared[i]!);
  return distances;
}
