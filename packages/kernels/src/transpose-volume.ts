import {
  elementCount,
  InvalidArgumentError,
  ShapeMismatchError,
  type VolumeShape,
  type VoxelArray,
} from "@nnunet/core";
import { type Box, boxShape, checkBox } from "./box.ts";

const TILE = 32;

/**
 * The same voxels with their spatial axes in another order; channels stay first.
 *
 * @param data - [channel, z, y, x]
 * @param axes - output axis i is input axis `axes[i]`, counting spatial axes from 0 (z); nnU-Net's `transpose_forward`
 * @returns a new array and its shape
 * @throws {ShapeMismatchError} if `data` does not have as many elements as `shape` promises
 * @throws {InvalidArgumentError} if `axes` is not a permutation of 0, 1, 2
 * @example transposeVolume(Int16Array.of(1, 2, 3, 4, 5, 6), [1, 1, 2, 3], [2, 0, 1]).shape; // [1, 3, 1, 2]
 */
export function transposeVolume<T extends VoxelArray>(
  data: T,
  shape: VolumeShape,
  axes: readonly number[],
): { data: T; shape: VolumeShape } {
  if (data.length !== elementCount(shape)) throw new ShapeMismatchError("data", [elementCount(shape)], [data.length]);
  checkAxes(axes);
  const [channels, ...extents] = shape;
  const box: Box = extents.map((n) => [0, n] as const);
  const outShape: VolumeShape = [channels, extents[axes[0]!]!, extents[axes[1]!]!, extents[axes[2]!]!];
  const voxels = elementCount(extents);
  const out = new (data.constructor as new (n: number) => T)(data.length);
  for (let c = 0; c < channels; c++) {
    copyTransposed(data.subarray(c * voxels, (c + 1) * voxels) as T, extents, box, axes, out, c * voxels);
  }
  return { data: out, shape: outShape };
}

/**
 * Crops one channel and puts its axes in another order, in one copy: what `cropToBox` after `transposeVolume` gives,
 * without the volume in between.
 *
 * @param data - [z, y, x] of one channel
 * @param box - in the axes of `data`
 * @param axes - output axis i is input axis `axes[i]`
 * @param out - receives the voxels, instead of a new array; it may be of another type
 * @returns the voxels of the box, axes reordered
 * @throws {ShapeMismatchError} if `data` does not have as many elements as `shape` promises
 * @throws {InvalidArgumentError} if the box reaches out of the volume or `axes` is not a permutation
 */
export function cropTransposed<T extends VoxelArray, Out extends VoxelArray = T>(
  data: T,
  shape: readonly number[],
  box: Box,
  axes: readonly number[],
  out: Out = new (data.constructor as new (n: number) => Out)(elementCount(boxShape(box))),
): Out {
  if (data.length !== elementCount(shape)) throw new ShapeMismatchError("data", [elementCount(shape)], [data.length]);
  checkBox(box, shape);
  checkAxes(axes);
  const size = elementCount(boxShape(box));
  if (out.length !== size) throw new ShapeMismatchError("out", [size], [out.length]);
  copyTransposed(data, shape, box, axes, out, 0);
  return out;
}

/** Output rows are contiguous; where input rows are not, square tiles keep both sides in the cache. */
function copyTransposed(
  data: VoxelArray,
  shape: readonly number[],
  box: Box,
  axes: readonly number[],
  out: VoxelArray,
  outOffset: number,
): void {
  const strides = [shape[1]! * shape[2]!, shape[2]!, 1];
  const [a, b, c] = axes as [number, number, number];
  const [na, nb, nc] = [a, b, c].map((axis) => box[axis]![1] - box[axis]![0]) as [number, number, number];
  const [sa, sb, sc] = [strides[a]!, strides[b]!, strides[c]!];
  const base = box[0]![0] * strides[0]! + box[1]![0] * strides[1]! + box[2]![0];
  if (sc === 1) {
    for (let i = 0, to = outOffset; i < na; i++) {
      for (let j = 0; j < nb; j++, to += nc) {
        const from = base + i * sa + j * sb;
        out.set(data.subarray(from, from + nc), to);
      }
    }
    return;
  }
  // u is the output axis along which the input is contiguous, v the remaining slow one
  const [nu, outU, nv, sv, outV] = sb === 1 ? [nb, nc, na, sa, nb * nc] : [na, nb * nc, nb, sb, nc];
  for (let v = 0; v < nv; v++) {
    for (let u0 = 0; u0 < nu; u0 += TILE) {
      const u1 = Math.min(u0 + TILE, nu);
      for (let k0 = 0; k0 < nc; k0 += TILE) {
        const k1 = Math.min(k0 + TILE, nc);
        for (let u = u0; u < u1; u++) {
          const to = outOffset + v * outV + u * outU;
          const from = base + v * sv + u;
          for (let k = k0; k < k1; k++) out[to + k] = data[from + k * sc]!;
        }
      }
    }
  }
}

function checkAxes(axes: readonly number[]): void {
  if (axes.length !== 3 || [0, 1, 2].some((axis) => !axes.includes(axis))) {
    throw new InvalidArgumentError("axes", "a permutation of 0, 1, 2", [...axes]);
  }
}
