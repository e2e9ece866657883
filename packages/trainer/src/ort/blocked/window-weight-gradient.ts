import { type BlockedTensor, type OnnxGraph, pitch } from "@nnunet/unet-model";
import type { ConvolutionShape } from "../convolution.ts";
import { reshapedOnce } from "../execution-order.ts";
import { kernelOf, summedProducts } from "./window-products.ts";

/** Voxels of a window: longer ones are no faster, and shorter ones make more products that are to be summed. */
const VOXELS = 2000;

/** Of all windows of one operator. Larger ones had the arena take one and a half times the memory. */
const BYTES = 80e6;

/**
 * dW of a convolution with stride 1 by the blocked convolution of pictures of one channel: dy is the window, as it lies
 * in memory, and x the picture, with its channels the fastest axis of a row. The window's columns are as many values apart
 * as x has channels; so the places that it takes are the taps and channels of the kernel, and nothing is unfolded.
 *
 * The rows of all samples are cut into groups of equal length, each with a picture and a window of its own, whose products
 * are summed at the end. The planes of dy that meet a row of x are further windows on it.
 *
 * @param x - with zeros between its planes, as dy
 * @param bytes - that the windows of one operator may have
 * @returns [co, ci, kd, kh, kw]
 */
export function windowWeightGradient(
  onnx: OnnxGraph,
  block: number,
  { batch, inChannels: ci, outChannels: co, size, kernel }: ConvolutionShape,
  x: string,
  dy: string,
  bytes = BYTES,
): string {
  const volume = size as BlockedTensor["size"];
  const [depth, height, width] = volume;
  const [kd, kh, kw] = kernel as [number, number, number];
  const inSample = depth * pitch(volume);
  const { groups, rows } = groupsOf(batch * inSample, width, block);
  const blocks = { x: ci / block, dy: co / block };
  const gap = height; // a row of zeros, between the first plane and the second
  const atOnce = groupsAtOnce(groups, bytes / (kd * co * rows * width * 4), block);
  const shape = { rows, width, kernel: [kh, kw] as const, wide: ci, results: kd * co };
  let summed: string | undefined;
  for (let first = 0; first < groups; first += atOnce) {
    const some = Array.from({ length: Math.min(atOnce, groups - first) }, (_, i) => first + i);
    const [pictures, windows] = [picturesOf(some, summed ?? dy), windowsOf(some, summed)];
    const product = summedProducts(onnx, { ...shape, groups: some.length }, pictures, windows);
    summed = summed === undefined ? product : onnx.node("Add", [summed, product]);
  }
  // [kd, co/b, kh·kw, ci, b]
  const taps = kh * kw;
  return kernelOf(onnx, block, [co, ci, kd, kh, kw], summed!, (c, channel, z, tap) => {
    return ((z * blocks.dy + c) * taps + tap) * ci + channel;
  });

  /** Where row `row` of all samples lies, of the first block of channels; of zeros if it is none. */
  function place(row: number, count: number, away = 0): { readonly at: number; readonly isInside: boolean } {
    const sample = Math.floor(row / inSample);
    const at = row - sample * inSample + away;
    const isInside = sample >= 0 && sample < batch && at >= 0 && at < inSample;
    return { at: isInside ? sample * count * inSample + at : gap, isInside };
  }

  function windowsOf(some: readonly number[], after: string | undefined): string {
    const picked: number[] = [];
    for (const group of some) {
      for (let tap = 0; tap < kd; tap++) {
        for (let c = 0; c < blocks.dy; c++) {
          for (let row = group * rows; row < (group + 1) * rows; row++) {
            const { at, isInside } = place(row, blocks.dy, ((kd - 1) / 2 - tap) * pitch(volume));
            picked.push(isInside ? at + c * inSample : at);
          }
        }
      }
    }
    const seen = [-1, width * block];
    // parts of the input that share dy share its windows, where nothing ties them to an order
    const lines =
      after === undefined ? onnx.node("Reshape", [dy, onnx.integers(seen)]) : reshapedOnce(onnx, dy, seen, after);
    return onnx.node("Gather", [lines, onnx.int32s(picked, [picked.length])], { axis: 0 });
  }

  function picturesOf(some: readonly number[], after: string): string {
    const [above, before] = [(kh - 1) / 2, (kw - 1) / 2];
    const lines = some.flatMap((group) =>
      Array.from({ length: rows + 2 * above }, (_, i) => place(group * rows + i - above, blocks.x)),
    );
    const columns = Array.from({ length: width + 2 * before }, (_, i) => i - before);
    const isColumn = columns.map((column) => column >= 0 && column < width);
    const byLine = (values: readonly number[]) => onnx.int32s(values, [lines.length, 1, 1]);
    const byColumn = (values: readonly number[]) => onnx.int32s(values, [1, columns.length, 1]);
    const ofBlock = Array.from({ length: blocks.x }, (_, c) => c * inSample * width);
    // lines outside keep to the first block, where the zeros are
    const isInside = byLine(lines.map((line) => Number(line.isInside)));
    const inBlock = onnx.node("Mul", [isInside, onnx.int32s(ofBlock, [1, 1, blocks.x])]);
    const inLine = onnx.node("Add", [byLine(lines.map(({ at }) => at * width)), byColumn(columns)]);
    const kept = onnx.node("Mul", [onnx.node("Add", [inBlock, inLine]), byColumn(isColumn.map(Number))]);
    const table = onnx.node("Add", [kept, byColumn(isColumn.map((is) => (is ? 0 : gap * width)))]);
    const runs = reshapedOnce(onnx, x, [-1, block], after);
    return onnx.node("Gather", [runs, onnx.node("Reshape", [table, onnx.integers([-1])])], { axis: 0 });
  }
}

/** How many groups, and rows of each; together at least all rows. The operator takes few channels or whole blocks of them. */
function groupsOf(rows: number, width: number, block: number): { readonly groups: number; readonly rows: number } {
  const wanted = (rows * width) / VOXELS;
  const groups = wanted < block ? Math.max(1, Math.round(wanted)) : block * Math.round(wanted / block);
  return { groups, rows: Math.ceil(rows / groups) };
}

/** All, or so many that no more than `most` windows are made at once. */
function groupsAtOnce(groups: number, most: number, block: number): number {
  return groups <= most ? groups : Math.max(block, block * Math.floor(most / block));
}
