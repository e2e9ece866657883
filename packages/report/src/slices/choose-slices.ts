import type { Shape3, Spacing, VoxelArray } from "@nnunet/core";

export interface ChosenSlice {
  /** Array axis that is cut: 0 = z, 1 = y, 2 = x. */
  readonly across: number;
  readonly index: number;
  /** For the picture's caption. */
  readonly shows: string;
}

/** From this ratio of spacings on, slices are shown as they were taken: across the coarse axis. */
const anisotropic = 2;
/** A slice that shows this share of the largest error need not be followed by that one. */
const enoughError = 0.8;

/**
 * One or two slices through a case: the one that cuts the largest area of the reference, and the one with the largest
 * error where the first does not show it.
 *
 * @param reference - label ids, [z, y, x]
 * @param prediction - of the same shape
 * @returns at least one; of a case without any label the middle slice
 * @example chooseSlices(reference, prediction, [20, 64, 64], [5, 1, 1]); // [{ across: 0, index: 9, shows: "…" }]
 */
export function chooseSlices(
  reference: VoxelArray,
  prediction: VoxelArray,
  shape: Shape3,
  spacing: Spacing,
): ChosenSlice[] {
  const { found, wrong } = countPerSlice(reference, prediction, shape);
  const area = (axis: number) => spacing.reduce((product, mm, other) => (other === axis ? product : product * mm), 1);
  const across = cutAxis(shape, spacing, (axis) => Math.max(...found[axis]!) * area(axis));
  const most = largest(found[across]!);
  const worst = largest(wrong[across]!);
  const error = (index: number) => wrong[across]![index]!;
  if (found[across]![most] === 0 && error(worst) === 0) {
    return [{ across, index: Math.floor(shape[across]! / 2), shows: "the middle slice; no label in the case" }];
  }
  if (found[across]![most] === 0) return [{ across, index: worst, shows: "the slice with the largest error" }];
  if (error(worst) === 0) return [{ across, index: most, shows: "the slice with most of the reference" }];
  if (error(most) >= enoughError * error(worst)) {
    return [{ across, index: most, shows: "the slice with most of the reference; it shows the largest error too" }];
  }
  return [
    { across, index: most, shows: "the slice with most of the reference" },
    { across, index: worst, shows: "the slice with the largest error" },
  ];
}

function cutAxis(shape: Shape3, spacing: Spacing, score: (axis: number) => number): number {
  const flat = shape.indexOf(1);
  if (flat >= 0) return flat;
  const coarsest = spacing.indexOf(Math.max(...spacing));
  if (spacing[coarsest]! >= anisotropic * Math.min(...spacing)) return coarsest;
  return [0, 1, 2].sort((a, b) => score(b) - score(a))[0]!;
}

/** Per array axis and slice: voxels of the reference's labels, and voxels where the two differ. */
function countPerSlice(reference: VoxelArray, prediction: VoxelArray, [sizeZ, sizeY, sizeX]: Shape3) {
  const counters = () => [new Int32Array(sizeZ), new Int32Array(sizeY), new Int32Array(sizeX)] as const;
  const [found, wrong] = [counters(), counters()];
  for (let z = 0, i = 0; z < sizeZ; z++) {
    for (let y = 0; y < sizeY; y++) {
      for (let x = 0; x < sizeX; x++, i++) {
        const label = reference[i]!;
        if (label === 0 && prediction[i] === 0) continue;
        for (const [counter, counts] of [
          [found, label !== 0],
          [wrong, label !== prediction[i]],
        ] as const) {
          if (!counts) continue;
          counter[0][z]!++;
          counter[1][y]!++;
          counter[2][x]!++;
        }
      }
    }
  }
  return { found, wrong };
}

const largest = (counts: Int32Array) => counts.indexOf(Math.max(...counts));
