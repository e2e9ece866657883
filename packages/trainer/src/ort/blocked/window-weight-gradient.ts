import { type BlockedTensor, nchwc, type OnnxGraph, pitch, wholeBlocks } from "@nnunet/unet-model";
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

  const [wide, results] = [ci, kd * co];
  const summed = summedProducts(onnx, { groups, rows, width, kernel: [kh, kw], wide, results }, pictures, windows);
  // [kd, co/b, kh·kw, ci, b]
  const taps = kh * kw;
  return kernelOf(onnx, block, [co, ci, kd, kh, kw], summed, (c, channel, z, tap) => {
    return ((z * blocks.dy + c) * taps + tap) * ci + channel;
  });
}

/**
 * The same for an image of few channels. It has its own planes and those on either side as the fastest axis, so that dy
 * need not be copied for each; every plane is a group.
 *
 * @param x - not blocked, [n, ci, planes · rows, x], with zeros between the planes, as dy
 */
export function imageWindowGradient(
  onnx: OnnxGraph,
  block: number,
  { batch, inChannels: ci, outChannels: co, size, kernel }: ConvolutionShape,
  x: string,
  dy: string,
): string {
  const volume = size as BlockedTensor["size"];
  const [depth, , width] = volume;
  const rows = pitch(volume);
  const [kd, kh, kw] = kernel as [number, number, number];
  const planes = batch * depth;
  const groups = planes < block ? planes : wholeBlocks(planes, block);
  const before = (kw - 1) / 2;
  const apart = onnx.node("Reshape", [x, onnx.integers([batch * ci * depth, rows, width])]);
  // and a plane of zeros
  const padded = onnx.node("Pad", [apart, onnx.integers([0, 0, before, 1, 0, before])]);
  const blocks = co / block;
  const met: number[] = [];
  const own: number[] = [];
  for (let group = 0; group < groups; group++) {
    const [sample, z] = [Math.floor(group / depth), group % depth];
    for (let tap = 0; tap < kd; tap++) {
      const at = z + tap - (kd - 1) / 2;
      const isInside = group < planes && at >= 0 && at < depth;
      for (let c = 0; c < ci; c++) met.push(isInside ? (sample * ci + c) * depth + at : batch * ci * depth);
    }
    // a group more than there are planes meets zeros: any plane of dy will do
    for (let c = 0; c < blocks; c++) own.push(group < planes ? (sample * blocks + c) * depth + z : 0);
  }
  const columns = width + 2 * before;
  const pictures = onnx.node(
    "Transpose",
    [
      onnx.node("Reshape", [
        onnx.node("Gather", [padded, onnx.int32s(met, [met.length])], { axis: 0 }),
        onnx.integers([groups, kd * ci, rows * columns]),
      ]),
    ],
    { perm: [0, 2, 1] },
  );
  const isInOrder = own.every((plane, i) => plane === i);
  const dyPlanes = onnx.node("Reshape", [dy, onnx.integers([planes * blocks, rows * width * block])]);
  const windows = isInOrder ? dyPlanes : onnx.node("Gather", [dyPlanes, onnx.int32s(own, [own.length])], { axis: 0 });
  const [wide, results] = [kd * ci, co];
  const pads = (kh - 1) / 2;
  const summed = summedProducts(
    onnx,
    { groups, rows, width, kernel: [kh, kw], wide, results, pads },
    pictures,
    windows,
  );
  // [co/b, kh·kw, kd, ci, b]
  return kernelOf(onnx, block, [co, ci, kd, kh, kw], summed, (c, channel, z, tap) => {
    return ((c * kh * kw + tap) * kd + z) * ci + channel;
  });
}

interface WindowProducts {
  readonly groups: number;
  /** Of a window. */
  readonly rows: number;
  readonly width: number;
  readonly kernel: readonly [rows: number, columns: number];
  /** Values of a voxel of the picture. */
  readonly wide: number;
  /** Channels of the windows of a group. */
  readonly results: number;
  /** Rows of zeros that the pictures lack at either end. */
  readonly pads?: number;
}

/**
 * @param pictures - [groups, rows + kh − 1, width + kw − 1, wide]
 * @param windows - [groups, results / b, rows, width, b]
 * @returns [results / b, kh, kw, wide, b], over all groups
 */
function summedProducts(
  onnx: OnnxGraph,
  { groups, rows, width, kernel: [kh, kw], wide, results, pads = 0 }: WindowProducts,
  pictures: string,
  windows: string,
): string {
  const picture = [1, groups, rows + kh - 1 - 2 * pads, (width + kw - 1) * wide];
  const shape = { kernel_shape: [rows, width], dilations: [1, wide], strides: [1, 1], pads: [pads, 0, pads, 0] };
  const product = onnx.node(
    "Conv",
    [
      onnx.node("Reshape", [pictures, onnx.integers(picture)]),
      onnx.node("Reshape", [windows, onnx.integers([groups * results, 1, rows, width])]),
    ],
    { ...shape, group: groups },
    undefined,
    nchwc,
  );
  const apart = onnx.node("Reshape", [product, onnx.integers([groups, results * kh * kw * wide])]);
  return onnx.node("MatMul", [onnx.floats(new Array<number>(groups).fill(1), [1, groups]), apart]);
}

/**
 * Runs of b output channels as a kernel [co, ci, kd, kh, kw]: they are gathered in its order, and no longer blocked then.
 * A transposition would move single values, on one thread.
 *
 * @param place - of a run: which block of output channels, input channel, plane and tap in it
 */
function kernelOf(
  onnx: OnnxGraph,
  block: number,
  shape: readonly [co: number, ci: number, kd: number, kh: number, kw: number],
  runs: string,
  place: (c: number, channel: number, z: number, tap: number) => number,
): string {
  const [co, ci, kd, kh, kw] = shape;
  const taps = kh * kw;
  const order: number[] = [];
  for (let c = 0; c < co / block; c++) {
    for (let channel = 0; channel < ci; channel++) {
      for (let z = 0; z < kd; z++) for (let tap = 0; tap < taps; tap++) order.push(place(c, channel, z, tap));
    }
  }
  const apart = onnx.node("Reshape", [runs, onnx.integers([order.length, block])]);
  const ordered = onnx.node("Gather", [apart, onnx.int32s(order, [order.length])], { axis: 0 });
  const blocked = onnx.node("Reshape", [ordered, onnx.integers([1, co, 1, ci * kd * taps])]);
  const plain = onnx.node("ReorderOutput", [blocked], { channels: co }, undefined, nchwc);
  return onnx.node("Reshape", [plain, onnx.integers(shape)]);
}

/** How many groups, and rows of each; together at least all rows. The operator takes few channels or whole blocks of them. */
function groupsOf(rows: number, width: number, block: number): { readonly groups: number; readonly rows: number } {
  const wanted = (rows * width) / VOXELS;
  const groups = wanted < block ? Math.max(1, Math.round(wanted)) : block * Math.round(wanted / block);
  return { groups, rows: Math.ceil(rows / groups) };
}
