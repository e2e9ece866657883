import { elementCount } from "@nnunet/core";
import type { OnnxGraph } from "../onnx-graph.ts";

/** Where onnxruntime's channel-blocked operators are. */
export const nchwc = "com.microsoft.nchwc";

/**
 * A feature [channel, z, y, x] of one sample as onnxruntime's blocked operators take it: a picture of all its planes one
 * below the other. In memory [channel / b, row, x, b], named [1, channel, rows, x] in the graph. Between two planes lies
 * one row that belongs to neither, so that a kernel that reaches one row beyond a plane finds nothing of the next.
 */
export interface BlockedTensor {
  readonly name: string;
  /** A multiple of the block. */
  readonly channels: number;
  /** [z, y, x]; z is 1 in 2D. */
  readonly size: readonly [z: number, y: number, x: number];
  /** The rows between the planes are zeros; otherwise anything. */
  readonly clean: boolean;
}

/** [(z,) y, x] → [z, y, x] */
export function volumeSize(spatial: readonly number[]): readonly [z: number, y: number, x: number] {
  const [z, y, x] = spatial.length === 2 ? [1, ...spatial] : spatial;
  return [z!, y!, x!];
}

/** Rows from a plane to the next. */
export function pitch([z, y]: BlockedTensor["size"]): number {
  return z > 1 ? y + 1 : y;
}

/** Keeps some planes and rows: every `step`th, the first `rows` of them. */
export interface RowChoice {
  readonly step: readonly [z: number, y: number];
  readonly rows: number;
}

/**
 * The planes of a blocked tensor with other rows: [channel / b, z, rows, x · b].
 *
 * @param x - [1, channel, planes · from, x]
 * @returns [1, channel, planes / step · rows, x]
 */
export function chooseRows(
  onnx: OnnxGraph,
  block: number,
  x: string,
  channels: number,
  [planes, from, width]: readonly [planes: number, from: number, width: number],
  { step: [z, y], rows }: RowChoice,
  output?: string,
): string {
  const apart = onnx.node("Reshape", [x, onnx.integers([channels / block, planes, from, width * block])]);
  const ends = [planes, (rows - 1) * y + 1];
  const chosen = onnx.node("Slice", [
    apart,
    onnx.integers([0, 0]),
    onnx.integers(ends),
    onnx.integers([1, 2]),
    onnx.integers([z, y]),
  ]);
  return onnx.node("Reshape", [chosen, onnx.integers([1, channels, (planes / z) * rows, width])], {}, output);
}

/** Puts a row of zeros below every plane. */
export function addRows(
  onnx: OnnxGraph,
  x: string,
  outer: number,
  [z, y, x1]: readonly [z: number, y: number, x: number],
): string {
  const apart = onnx.node("Reshape", [x, onnx.integers([outer, z, y, x1])]);
  return onnx.node("Pad", [apart, onnx.integers([0, 0, 0, 0, 0, 0, 1, 0])]);
}

/** Zeros between the planes. */
export function cleaned(onnx: OnnxGraph, block: number, tensor: BlockedTensor): BlockedTensor {
  const { name, channels, size, clean } = tensor;
  const rows = pitch(size);
  if (clean || rows === size[1]) return { ...tensor, clean: true };
  const mask = onnx.floats([...new Array<number>(size[1]).fill(1), 0], [1, 1, rows, 1]);
  const apart = onnx.node("Reshape", [name, onnx.integers([channels / block, size[0], rows, size[2] * block])]);
  const masked = onnx.node("Mul", [apart, mask]);
  const whole = onnx.node("Reshape", [masked, onnx.integers([1, channels, size[0] * rows, size[2]])]);
  return { ...tensor, name: whole, clean: true };
}

/** From [1, channel, (z,) y, x]. */
export function toBlocked(onnx: OnnxGraph, x: string, channels: number, size: BlockedTensor["size"]): BlockedTensor {
  const name = onnx.node("ReorderInput", [pictureOf(onnx, x, channels, size)], {}, undefined, nchwc);
  return { name, channels, size, clean: true };
}

/** [1, channel, (z,) y, x] as a picture [1, channel, rows, x], not blocked. */
export function pictureOf(onnx: OnnxGraph, x: string, channels: number, size: BlockedTensor["size"]): string {
  const spread = pitch(size) === size[1] ? x : addRows(onnx, x, channels, size);
  return onnx.node("Reshape", [spread, onnx.integers([1, channels, size[0] * pitch(size), size[2]])]);
}

/**
 * Back to [1, channel, (z,) y, x].
 *
 * @param channels - those that count; a last block may hold more
 * @param spatial - [(z,) y, x]
 */
export function toPlain(
  onnx: OnnxGraph,
  block: number,
  { name, channels: all, size }: BlockedTensor,
  channels: number,
  spatial: readonly number[],
  output?: string,
): string {
  const [z, y, x] = size;
  const rows = pitch(size);
  const close = rows === y ? name : chooseRows(onnx, block, name, all, [z, rows, x], { step: [1, 1], rows: y });
  const plain = onnx.node("ReorderOutput", [close], { channels }, undefined, nchwc);
  return onnx.node("Reshape", [plain, onnx.integers([1, channels, ...spatial])], {}, output);
}

/** Up to the next multiple. */
export function wholeBlocks(channels: number, block: number): number {
  return Math.ceil(channels / block) * block;
}

/** Weights [out, in, ...kernel], reordered to [out / b, in / b, ...window, in of b, out of b] for part of the taps. */
export function blockedWeights(
  weights: Float32Array,
  [out, into, taps]: readonly [out: number, into: number, taps: number],
  chosen: readonly number[],
  block: number,
): Float32Array {
  const outs = wholeBlocks(out, block);
  // fewer channels than a block are read from an image that is not blocked: [out / b, in, ...window, out of b]
  const inner = into < block ? 1 : block;
  const laid = new Float32Array(outs * into * chosen.length);
  let at = 0;
  for (let ob = 0; ob < outs; ob += block) {
    for (let ib = 0; ib < into; ib += inner) {
      for (const tap of chosen) {
        for (let i = ib; i < ib + inner; i++) {
          for (let o = ob; o < ob + block; o++, at++) {
            if (o < out) laid[at] = weights[(o * into + i) * taps + tap]!;
          }
        }
      }
    }
  }
  return laid;
}

/** Numbers of a kernel's taps, [z, y, x] in C order. */
export function tapNumbers(kernel: readonly number[]): (z: number, y: number, x: number) => number {
  const [, y1, x1] = volumeSize(kernel);
  return (z, y, x) => (z * y1 + y) * x1 + x;
}

export const sizeAfter = (size: BlockedTensor["size"], stride: readonly number[]): BlockedTensor["size"] => {
  const [z, y, x] = volumeSize(stride);
  return [size[0] / z, size[1] / y, size[2] / x];
};

export const voxelsOf = (size: BlockedTensor["size"]): number => elementCount(size);
