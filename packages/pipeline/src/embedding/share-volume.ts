import { setImmediate } from "node:timers/promises";
import { InvalidArgumentError, type Volume, type VoxelArray } from "@nnunet/core";

/** Voxels that are copied before others get a turn: 8 MB of float32, about two milliseconds. */
const AT_ONCE = 2 ** 21;

/**
 * A volume that two threads can read: its voxels in shared memory, copied there piece by piece, so that the thread is
 * free for other work between two pieces. Voxels of 8 and 16 bits stay so, others become float32, as of an image that is
 * read for prediction. Voxels that lie in shared memory already are taken as they are.
 *
 * @throws {InvalidArgumentError} if it is no volume, or its place is none: the segmentation would have it, too
 */
export async function shareVolume(volume: Volume): Promise<Volume> {
  if (!isVoxels(volume?.data) || !Array.isArray(volume.shape) || !Array.isArray(volume.geometry?.spacing)) {
    throw new InvalidArgumentError("input", "a path, or a volume { data, shape, geometry }", volume);
  }
  const { data, shape, geometry } = volume;
  checkPlace(geometry);
  const Type = (data.BYTES_PER_ELEMENT <= 2 ? data.constructor : Float32Array) as {
    new (buffer: SharedArrayBuffer): VoxelArray;
    readonly BYTES_PER_ELEMENT: number;
  };
  if (data.buffer instanceof SharedArrayBuffer && data instanceof Type) return { data, shape, geometry };
  const shared = new Type(new SharedArrayBuffer(Type.BYTES_PER_ELEMENT * data.length));
  for (let first = 0; first < data.length; first += AT_ONCE) {
    shared.set(data.subarray(first, first + AT_ONCE), first);
    await setImmediate();
  }
  return { data: shared, shape, geometry };
}

function isVoxels(data: unknown): data is VoxelArray {
  return ArrayBuffer.isView(data) && !(data instanceof DataView) && typeof (data as VoxelArray)[0] !== "bigint";
}

/** Readers of files check origin and direction; whoever makes a volume may leave them out. */
function checkPlace({ origin, direction }: Volume["geometry"]): void {
  if (!areNumbers(origin, 3)) throw new InvalidArgumentError("geometry.origin", "three numbers x, y, z in mm", origin);
  const spansSpace = areNumbers(direction, 9) && Math.abs(determinant(direction)) > 0;
  if (spansSpace) return;
  throw new InvalidArgumentError("geometry.direction", "nine numbers, rows of a matrix that spans space", direction);
}

function areNumbers(values: readonly number[] | undefined, count: number): values is readonly number[] {
  return Array.isArray(values) && values.length === count && values.every(Number.isFinite);
}

function determinant([a, b, c, d, e, f, g, h, i]: readonly number[]): number {
  return a! * (e! * i! - f! * h!) - b! * (d! * i! - f! * g!) + c! * (d! * h! - e! * g!);
}
