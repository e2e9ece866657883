import { type BlockedTensor, nchwc, type OnnxGraph, pitch } from "@nnunet/unet-model";
import type { ConvolutionShape } from "../convolution.ts";

/** Voxels of a window: longer ones are no faster, and shorter ones make more products that are to be summed. */
const VOXELS = 2000;

/**
 * Whether {@link windowWeightGradient} is the fastest way: for kernels of three planes, which make three blocks of results
 * from each of dy. With blocks of 16 channels alone: it was not measured on a machine that has those of 8.
 */
export function suitsWindows({ size, kernel, stride }: ConvolutionShape, block: number): boolean {
  return block === 16 && size.length === 3 && size[0]! > 1 && kernel[0] === 3 && stride.every((s) => s === 1);
}

/**
 * dW of a convolution with stride 1 by the blocked convolution of pictures of one channel: dy is the window, as it lies
 * in memory, and x the picture, with its channels the fastest axis of a row. The window's columns are as many values apart
 * as x has channels; so the places that it takes are the taps and channels of the kernel, and nothing is unfolded.
 *
 * The rows of all samples are cut into groups of equal length, each with a picture and a window of its own, whose products
 * are summed at the end. The planes of dy that meet a row of x are further windows on it.
 *
 * @param x - with zeros between its planes, as dy
 * @returns [co, ci, kd, kh, kw]
 */
export function windowWeightGradient(
  onnx: OnnxGraph,
  block: number,
  { batch, inChannels: ci, outChannels: co, size, kernel }: ConvolutionShape,
  x: string,
  dy: string,
): string {
  const volume = size as BlockedTensor["size"];
  const [depth, height, width] = volume;
  const [kd, kh, kw] = kernel as [number, number, number];
  const inSample = depth * pitch(volume);
  const { groups, rows } = groupsOf(batch * inSample, width, block);
  const blocks = { x: ci / block, dy: co / block };
  const gap = height; // a row of zeros, between the first plane and the second

  /** Where row `row` of all samples lies, of the first block of channels; of zeros if it is none. */
  const place = (row: number, count: number, away = 0) => {
    const sample = Math.floor(row / inSample);
    const at = row - sample * inSample + away;
    const isInside = sample >= 0 && sample < batch && at >= 0 && at < inSample;
    return { at: isInside ? sample * count * inSample + at : gap, isInside };
  };

  const picked: number[] = [];
  for (let group = 0; group < groups; group++) {
    for (let tap = 0; tap < kd; tap++) {
      for (let c = 0; c < blocks.dy; c++) {
        for (let row = group * rows; row < (group + 1) * rows; row++) {
          const { at, isInside } = place(row, blocks.dy, ((kd - 1) / 2 - tap) * pitch(volume));
          picked.push(isInside ? at + c * inSample : at);
        }
      }
    }
  }
  const dyRows = onnx.node("Reshape", [dy, onnx.integers([-1, width * block])]);
  const windows = onnx.node("Gather", [dyRows, onnx.int32s(picked, [picked.length])], { axis: 0 });

  const [above, before] = [(kh - 1) / 2, (kw - 1) / 2];
  const lines = Array.from({ length: groups * (rows + 2 * above) }, (_, i) => {
    const group = Math.floor(i / (rows + 2 * above));
    return place(group * rows + (i % (rows + 2 * above)) - above, blocks.x);
  });
  const columns = Array.from({ length: width + 2 * before }, (_, i) => i - before);
  const isColumn = columns.map((column) => column >= 0 && column < width);
  const byLine = (values: readonly number[]) => onnx.int32s(values, [lines.length, 1, 1]);
  const byColumn = (values: readonly number[]) => onnx.int32s(values, [1, columns.length, 1]);
  const ofBlock = onnx.int32s(
    Array.from({ length: blocks.x }, (_, c) => c * inSample * width),
    [1, 1, blocks.x],
  );
  // lines outside keep to the first block, where the zeros are
  const inBlock = onnx.node("Mul", [byLine(lines.map(({ isInside }) => Number(isInside))), ofBlock]);
  const inside = [byLine(lines.map(({ at }) => at * width)), byColumn(columns)].reduce(
    (sum, term) => onnx.node("Add", [sum, term]),
    inBlock,
  );
  const kept = onnx.node("Mul", [inside, byColumn(isColumn.map(Number))]);
  const table = onnx.node("Add", [kept, byColumn(isColumn.map((is) => (is ? 0 : gap * width)))]);
  const runs = onnx.node("Reshape", [x, onnx.integers([-1, block])]);
  const pictures = onnx.node("Gather", [runs, onnx.node("Reshape", [table, onnx.integers([-1])])], { axis: 0 });

  const product = onnx.node(
    "Conv",
    [
      onnx.node("Reshape", [pictures, onnx.integers([1, groups, rows + 2 * above, columns.length * ci])]),
      onnx.node("Reshape", [windows, onnx.integers([groups * kd * co, 1, rows, width])]),
    ],
    {
      kernel_shape: [rows, width],
      dilations: [1, ci],
      strides: [1, 1],
      pads: [0, 0, 0, 0],
      group: groups,
    },
    undefined,
    nchwc,
  ); // [groups, kd, co/b, kh, kw, ci, b]
  const length = kd * co * kh * kw * ci;
  const apart = onnx.node("Reshape", [product, onnx.integers([groups, length])]);
  const ones = onnx.floats(new Array<number>(groups).fill(1), [1, groups]);
  const summed = onnx.node("MatMul", [ones, apart]);
  // in two steps, that move runs or two axes: a transposition of all axes moves single values, on one thread
  const taps = kh * kw;
  const order = Array.from({ length: length / block }, (_, i) => {
    const [tap, z] = [i % taps, Math.floor(i / taps) % kd];
    const [channel, c] = [Math.floor(i / (taps * kd)) % ci, Math.floor(i / (taps * kd * ci))];
    return ((z * blocks.dy + c) * taps + tap) * ci + channel;
  });
  const byRun = onnx.node("Reshape", [summed, onnx.integers([length / block, block])]);
  const ordered = onnx.node("Gather", [byRun, onnx.int32s(order, [order.length])], { axis: 0 });
  const behind = onnx.node("Reshape", [ordered, onnx.integers([blocks.dy, ci * kd * taps, block])]);
  return onnx.node("Reshape", [
    onnx.node("Transpose", [behind], { perm: [0, 2, 1] }),
    onnx.integers([co, ci, kd, kh, kw]),
  ]);
}

/** How many groups, and rows of each; together at least all rows. The operator takes few channels or whole blocks of them. */
function groupsOf(rows: number, width: number, block: number): { readonly groups: number; readonly rows: number } {
  const wanted = (rows * width) / VOXELS;
  const groups = wanted < block ? Math.max(1, Math.round(wanted)) : block * Math.round(wanted / block);
  return { groups, rows: Math.ceil(rows / groups) };
}
