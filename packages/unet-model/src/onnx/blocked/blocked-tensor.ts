import type { OnnxGraph } from "../onnx-graph.ts";

/** Where onnxruntime's channel-blocked operators are. */
export const nchwc = "com.microsoft.nchwc";

/**
 * Features [sample, channel, z, y, x] as onnxruntime's blocked operators take them: of each sample a picture of all its
 * planes one below the other. In memory [sample, channel / b, row, x, b], named [sample, channel, rows, x] in the graph.
 * Between two planes, and below the last, lies one row that belongs to neither, so that a kernel that reaches one row
 * beyond a plane finds nothing of the next.
 */
export interface BlockedTensor {
  readonly name: string;
  readonly batch: number;
  /** A multiple of the block. */
  readonly channels: number;
  /** [z, y, x]; z is 1 in 2D. */
  readonly size: PlaneSize;
  /** The rows between the planes are zeros; otherwise anything. */
  readonly clean: boolean;
}

export type PlaneSize = readonly [z: number, y: number, x: number];

/** [(z,) y, x] → [z, y, x] */
export function volumeSize(spatial: readonly number[]): PlaneSize {
  const [z, y, x] = spatial.length === 2 ? [1, ...spatial] : spatial;
  return [z!, y!, x!];
}

/** Rows from a plane to the next. */
export function pitch([z, y]: PlaneSize): number {
  return z > 1 ? y + 1 : y;
}

/** [sample, channel, rows, x] */
export function pictureShape({ batch, channels, size }: Pick<BlockedTensor, "batch" | "channels" | "size">): number[] {
  return [batch, channels, size[0] * pitch(size), size[2]];
}

/** Which rows of `planes` planes of `from` rows: of every `step`th plane every `step`th row, `rows` of them. */
export interface RowChoice {
  readonly planes: number;
  readonly from: number;
  /** First row of each plane, 0 if left out. */
  readonly first?: number;
  readonly step: readonly [z: number, y: number];
  readonly rows: number;
}

/**
 * A blocked picture with other rows; a row beyond its plane becomes anything. A row is one run of memory, and gathering
 * runs is parallel, which slicing and padding are not.
 *
 * @param x - [sample, channel, planes · from, x]
 * @returns [sample, channel, planes / step · rows, x]
 */
export function chooseRows(
  onnx: OnnxGraph,
  block: number,
  x: string,
  { batch, channels, size }: Pick<BlockedTensor, "batch" | "channels" | "size">,
  { planes, from, first = 0, step: [z, y], rows }: RowChoice,
  output?: string,
): string {
  const width = size[2];
  const table: number[] = [];
  for (let plane = 0; plane < planes; plane += z) {
    for (let row = 0; row < rows; row++) table.push(plane * from + Math.min(first + row * y, from - 1));
  }
  const apart = onnx.node("Reshape", [x, onnx.integers([(batch * channels) / block, planes * from, width * block])]);
  const chosen = onnx.node("Gather", [apart, onnx.int32s(table, [table.length])], { axis: 1 });
  return onnx.node("Reshape", [chosen, onnx.integers([batch, channels, table.length, width])], {}, output);
}

/** Zeros between the planes. */
export function cleaned<T extends BlockedTensor>(onnx: OnnxGraph, block: number, tensor: T): T {
  const { batch, channels, size, clean } = tensor;
  const [z, y, x] = size;
  const rows = pitch(size);
  if (clean || rows === y) return { ...tensor, clean: true };
  const pictures = (batch * channels) / block;
  const gaps = Array.from({ length: pictures * z }, (_, plane) => plane * rows + y);
  // in place, as a rule: only those rows are written
  const lines = onnx.node("Reshape", [tensor.name, onnx.integers([pictures * z * rows, x * block])]);
  const zeros = onnx.node("Expand", [onnx.scalar(0), onnx.integers([gaps.length, x * block])]);
  const at = onnx.node("Reshape", [onnx.integers(gaps), onnx.integers([gaps.length, 1])]);
  const written = onnx.node("ScatterND", [lines, at, zeros]);
  return { ...tensor, name: onnx.node("Reshape", [written, onnx.integers(pictureShape(tensor))]), clean: true };
}

/** From [sample, channel, (z,) y, x]; rows between the planes hold anything. */
export function toBlocked(
  onnx: OnnxGraph,
  block: number,
  x: string,
  batch: number,
  channels: number,
  size: PlaneSize,
): BlockedTensor {
  const [z, y, w] = size;
  const blocked = onnx.node(
    "ReorderInput",
    [onnx.node("Reshape", [x, onnx.integers([batch, channels, z * y, w])])],
    {},
    undefined,
    nchwc,
  );
  const rows = pitch(size);
  if (rows === y) return { name: blocked, batch, channels, size, clean: true };
  const choice: RowChoice = { planes: z, from: y, step: [1, 1], rows };
  return {
    name: chooseRows(onnx, block, blocked, { batch, channels, size }, choice),
    batch,
    channels,
    size,
    clean: false,
  };
}

/** [sample, channel, (z,) y, x] as a picture [sample, channel, rows, x], not blocked, with zeros between its planes. */
export function pictureOf(onnx: OnnxGraph, x: string, batch: number, channels: number, size: PlaneSize): string {
  const [z, y, w] = size;
  let spread = x;
  if (pitch(size) !== y) {
    const apart = onnx.node("Reshape", [x, onnx.integers([batch * channels, z, y, w])]);
    spread = onnx.node("Pad", [apart, onnx.integers([0, 0, 0, 0, 0, 0, 1, 0])]);
  }
  return onnx.node("Reshape", [spread, onnx.integers(pictureShape({ batch, channels, size }))]);
}

/**
 * Back to [sample, channel, (z,) y, x].
 *
 * @param channels - those that count; a last block may hold more
 * @param spatial - [(z,) y, x]
 */
export function toPlain(
  onnx: OnnxGraph,
  block: number,
  tensor: BlockedTensor,
  channels: number,
  spatial: readonly number[],
  output?: string,
): string {
  const { name, batch, size } = tensor;
  const [z, y] = size;
  const rows = pitch(size);
  const close =
    rows === y ? name : chooseRows(onnx, block, name, tensor, { planes: z, from: rows, step: [1, 1], rows: y });
  const plain = onnx.node("ReorderOutput", [close], { channels }, undefined, nchwc);
  return onnx.node("Reshape", [plain, onnx.integers([batch, channels, ...spatial])], {}, output);
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

export const sizeAfter = (size: PlaneSize, stride: readonly number[]): PlaneSize => {
  const [z, y, x] = volumeSize(stride);
  return [size[0] / z, size[1] / y, size[2] / x];
};
