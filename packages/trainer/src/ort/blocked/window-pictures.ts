import { type OnnxGraph, type PlaneSize, pitch } from "@nnunet/unet-model";
import { reshapedOnce } from "../execution-order.ts";

/** The rows of a blocked tensor of several planes, with zeros between them. */
export interface BlockedRows {
  readonly batch: number;
  /** Of channels. */
  readonly blocks: number;
  readonly size: PlaneSize;
}

/** Where a row lies, of the first block of its sample; of zeros, if it is outside. */
export interface Line {
  readonly at: number;
  readonly isInside: boolean;
}

/** @param row - of a sample, in the numbering with the rows between the planes */
export function lineOf({ batch, blocks, size }: BlockedRows, sample: number, row: number): Line {
  const inSample = size[0] * pitch(size);
  const isInside = sample >= 0 && sample < batch && row >= 0 && row < inSample;
  return { at: isInside ? sample * blocks * inSample + row : gapOf(size), isInside };
}

/** The row between the first plane and the second. */
const gapOf = ([, height]: PlaneSize) => height;

/** Rows of dy for windows, each of all its blocks in the order in which they are named: [row, x, b]. */
export function gatherRows(onnx: OnnxGraph, dyRows: string, rows: readonly number[]): string {
  return onnx.node("Gather", [dyRows, onnx.int32s(rows, [rows.length])], { axis: 0 });
}

/** Numbers of the rows of one block of channels, for {@link gatherRows}. */
export function rowsOfBlock({ size }: BlockedRows, lines: readonly Line[], block: number): readonly number[] {
  return lines.map(({ at, isInside }) => (isInside ? at + block * size[0] * pitch(size) : at));
}

/**
 * Rows of x for pictures: columns of zeros at either end, the channels of all blocks beside each other.
 *
 * @param before - how many columns of zeros at each end
 * @param after - not to be had before this
 * @returns [line, x + 2 · before, c]
 */
export function gatherPictures(
  onnx: OnnxGraph,
  block: number,
  x: string,
  { blocks, size }: BlockedRows,
  lines: readonly Line[],
  before: number,
  after: string,
): string {
  const [depth, , width] = size;
  const columns = Array.from({ length: width + 2 * before }, (_, i) => i - before);
  const isColumn = columns.map((column) => column >= 0 && column < width);
  const byLine = (values: readonly number[]) => onnx.int32s(values, [lines.length, 1, 1]);
  const byColumn = (values: readonly number[]) => onnx.int32s(values, [1, columns.length, 1]);
  const ofBlock = Array.from({ length: blocks }, (_, c) => c * depth * pitch(size) * width);
  // lines outside keep to the first block, where the zeros are
  const isInside = byLine(lines.map((line) => Number(line.isInside)));
  const inBlock = onnx.node("Mul", [isInside, onnx.int32s(ofBlock, [1, 1, blocks])]);
  const inLine = onnx.node("Add", [byLine(lines.map(({ at }) => at * width)), byColumn(columns)]);
  const kept = onnx.node("Mul", [onnx.node("Add", [inBlock, inLine]), byColumn(isColumn.map(Number))]);
  const zero = gapOf(size) * width;
  const table = onnx.node("Add", [kept, byColumn(isColumn.map((is) => (is ? 0 : zero)))]);
  const runs = reshapedOnce(onnx, x, [-1, block], after);
  return onnx.node("Gather", [runs, onnx.node("Reshape", [table, onnx.integers([-1])])], { axis: 0 });
}
