import {
  elementCount,
  type Geometry,
  type ModelMetadata,
  type Shape3,
  type Spacing,
  spatialShape,
  type Volume,
  type VolumeShape,
} from "@nnunet/core";

/** The reader of Python nnU-Net that turns images to RAS before anything else sees them, and segmentations back. */
const TURNING_READER = "NibabelIOWithReorient";

type Numbers = Volume["data"];

/** How an image is turned so that its voxels run right, anterior, superior. */
export interface Turn {
  /** The image, turned. */
  forth<Data extends Numbers>(volume: Volume<Data>): Volume<Data>;
  /** What was made of the turned image, on the grid of the image. */
  back<Data extends Numbers>(volume: Volume<Data>): Volume<Data>;
}

/**
 * Models that Python nnU-Net trained on images turned to RAS would see others mirrored or transposed, and segment them wrongly
 * without a sign of it. So the image is turned for them, as nibabel does it: axes are exchanged and reversed, no voxel is
 * interpolated.
 *
 * @param geometry - of the image
 * @param shape - [z, y, x] of the image
 * @returns undefined where nothing is to be turned: by other models, or of an image in RAS
 */
export function turnToRas(
  { origin, plans }: Pick<ModelMetadata, "origin" | "plans">,
  geometry: Geometry,
  shape: Shape3,
): Turn | undefined {
  if (origin === undefined || plans.imageReaderWriter !== TURNING_READER) return undefined;
  const axes = axesOfRas(geometry.direction);
  if (axes.every(({ from, reversed }, to) => from === to && !reversed)) return undefined;
  const turned = turnedGeometry(geometry, shape, axes);
  const inverse = axes.map((_, axis) => {
    const to = axes.findIndex(({ from }) => from === axis);
    return { from: to, reversed: axes[to]!.reversed };
  });
  return {
    forth: (volume) => ({ ...turnedVoxels(volume, axes), geometry: turned }),
    back: (volume) => ({ ...turnedVoxels(volume, inverse), geometry }),
  };
}

/** Which axis of the image an axis of the turned one is; 0 is x. */
interface AxisFrom {
  readonly from: number;
  readonly reversed: boolean;
}

/**
 * @param direction - row-major 3×3, columns are the unit vectors of x, y and z in LPS
 * @returns for right, anterior and superior the axis that runs closest to it, found for x, y and z in turn
 */
function axesOfRas(direction: readonly number[]): AxisFrom[] {
  const axes: AxisFrom[] = [];
  for (const from of [0, 1, 2]) {
    const free = [0, 1, 2].filter((row) => axes[row] === undefined);
    const size = (row: number) => Math.abs(direction[3 * row + from]!);
    const row = free.reduce((best, each) => (size(each) > size(best) ? each : best));
    const towards = row === 2 ? 1 : -1; // right and anterior are negative in LPS
    axes[row] = { from, reversed: direction[3 * row + from]! * towards < 0 };
  }
  return axes;
}

function turnedGeometry({ spacing, origin, direction }: Geometry, shape: Shape3, axes: readonly AxisFrom[]): Geometry {
  const start = [...origin];
  for (const { from, reversed } of axes) {
    if (!reversed) continue;
    const length = (shape[2 - from]! - 1) * spacing[2 - from]!;
    for (const row of [0, 1, 2]) start[row]! += direction[3 * row + from]! * length;
  }
  return {
    spacing: [2, 1, 0].map((to) => spacing[2 - axes[to]!.from]!) as unknown as Spacing,
    origin: start as unknown as Geometry["origin"],
    direction: [0, 1, 2].flatMap((row) =>
      axes.map(({ from, reversed }) => (reversed ? -1 : 1) * direction[3 * row + from]!),
    ),
  };
}

/** @param axes - for x, y and z of the result */
function turnedVoxels<Data extends Numbers>(volume: Volume<Data>, axes: readonly AxisFrom[]) {
  const space = spatialShape(volume);
  const strides = [1, space[2], space[2] * space[1]]; // of x, y, z
  const channelSize = elementCount(space);
  const [x, y, z] = axes.map(({ from, reversed }) => {
    const [count, stride] = [space[2 - from]!, strides[from]!];
    return { count, step: reversed ? -stride : stride, first: reversed ? (count - 1) * stride : 0 };
  });
  const shape: VolumeShape = [volume.shape[0], z!.count, y!.count, x!.count];
  const data = new (volume.data.constructor as new (length: number) => Data)(volume.data.length);
  const first = x!.first + y!.first + z!.first;
  let to = 0;
  for (let channel = 0; channel < shape[0]; channel++) {
    for (let k = 0; k < z!.count; k++) {
      for (let j = 0; j < y!.count; j++) {
        let from = channel * channelSize + first + k * z!.step + j * y!.step;
        for (let i = 0; i < x!.count; i++, from += x!.step) data[to++] = volume.data[from]!;
      }
    }
  }
  return { data, shape };
}
