import { createVolume, type Geometry, type Shape3, type Volume, type VoxelArray } from "@nnunet/core";
import { placementDifference } from "./same-place.ts";

/** A grid of voxels in space. */
export interface Grid {
  /** [z, y, x] */
  readonly shape: Shape3;
  readonly geometry: Geometry;
}

/**
 * The voxels of an image of one channel in the order of another grid, where both have their voxels at the same places and
 * differ only in which axis comes first and which way it runs, as files of one image in two formats do.
 *
 * @returns undefined if the places differ
 * @example ontoGrid(readByNifti, { shape, geometry: readByDicom.geometry })?.data;
 */
export function ontoGrid<T extends VoxelArray>(volume: Volume<T>, grid: Grid): Volume<T> | undefined {
  const shape = spatial(volume);
  const sources = axesOnGrid({ shape, geometry: volume.geometry }, grid);
  if (!sources) return undefined;
  const whole = [1, ...grid.shape] as const;
  if (sources.every(({ axis, reversed }, target) => axis === target && !reversed)) {
    return createVolume(volume.data, whole, grid.geometry);
  }
  return createVolume(turnedVoxels(volume.data, shape, grid.shape, sources), whole, grid.geometry);
}

/** Whether an image has its voxels where another grid has them, in whatever order. */
export function liesOnGrid(image: Grid, grid: Grid): boolean {
  return axesOnGrid(image, grid) !== undefined;
}

function axesOnGrid({ shape, geometry }: Grid, grid: Grid): readonly AxisSource[] | undefined {
  const sources = matchingAxes(geometry, grid.geometry);
  if (!sources?.every(({ axis }, target) => shape[axis] === grid.shape[target])) return undefined;
  return placementDifference(grid.geometry, turnedGeometry(geometry, shape, sources)) ? undefined : sources;
}

/** For an axis of the grid the image's axis that runs along it, both in the order z, y, x. */
interface AxisSource {
  readonly axis: number;
  readonly reversed: boolean;
}

/** Cosine of the largest angle between two axes that are the same. */
const parallel = 0.999;

function matchingAxes(image: Geometry, grid: Geometry): AxisSource[] | undefined {
  const found = [0, 1, 2].flatMap((target): AxisSource[] => {
    for (const axis of [0, 1, 2]) {
      const cosine = [0, 1, 2].reduce((sum, row) => sum + column(grid, target, row) * column(image, axis, row), 0);
      if (Math.abs(cosine) > parallel) return [{ axis, reversed: cosine < 0 }];
    }
    return [];
  });
  return new Set(found.map(({ axis }) => axis)).size === 3 ? found : undefined;
}

/** A component of the direction of an array axis; `direction` counts its columns x, y, z. */
function column({ direction }: Geometry, axis: number, row: number): number {
  return direction[3 * row + (2 - axis)]!;
}

function turnedGeometry(image: Geometry, shape: Shape3, sources: readonly AxisSource[]): Geometry {
  const origin = [0, 1, 2].map((row) =>
    sources.reduce(
      (sum, { axis, reversed }) =>
        sum + (reversed ? (shape[axis]! - 1) * image.spacing[axis]! * column(image, axis, row) : 0),
      image.origin[row]!,
    ),
  ) as [number, number, number];
  const spacing = sources.map(({ axis }) => image.spacing[axis]!) as [number, number, number];
  const direction = [0, 1, 2].flatMap((row) =>
    [2, 1, 0].map((target) => {
      const { axis, reversed } = sources[target]!;
      return (reversed ? -1 : 1) * column(image, axis, row) + 0;
    }),
  );
  return { spacing, origin, direction };
}

function turnedVoxels<T extends VoxelArray>(
  data: T,
  [, ny, nx]: Shape3,
  [depth, height, width]: Shape3,
  sources: readonly AxisSource[],
): T {
  const stride = [ny * nx, nx, 1];
  const steps = sources.map(({ axis, reversed }) => (reversed ? -stride[axis]! : stride[axis]!));
  const counts = [depth, height, width];
  const first = steps.reduce((sum, step, target) => sum + (step < 0 ? -step * (counts[target]! - 1) : 0), 0);
  const turned = data.slice() as T;
  for (let z = 0, to = 0; z < depth; z++) {
    for (let y = 0; y < height; y++) {
      let from = first + z * steps[0]! + y * steps[1]!;
      for (let x = 0; x < width; x++, to++, from += steps[2]!) turned[to] = data[from]!;
    }
  }
  return turned;
}

function spatial({ shape: [, nz, ny, nx] }: Volume): Shape3 {
  return [nz, ny, nx];
}
