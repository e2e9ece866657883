import { elementCount } from "@nnunet/core";
import {
  type BlockedTensor,
  channelMeans,
  cleaned,
  type ConvolvedPlanes,
  convolvePlanes,
  nchwc,
  pictureOf,
  type PlaneSize,
  type PlaneWindow,
  pitch,
  toPlain,
  volumeSize,
  wantedRows,
  windowOf,
  wovenBlocks,
} from "@nnunet/unet-model";
import { type ConvolutionShape, isPointwise, outputSize } from "../convolution.ts";
import { onceComputed } from "../execution-order.ts";
import { phasedKernel } from "../input-gradient.ts";
import type { OnnxTape, OnnxValue } from "../onnx-tape.ts";
import { depthProduct, gatheredWeightGradient, imageProduct, planeProduct, suitsPlanes } from "../weight-gradient.ts";
import { type BlockedValue, recordBlocked } from "./blocked-value.ts";
import { blockedChannelsLast, blockedDepthTaps, blockedPointwiseWeightGradient } from "./blocked-weight-gradient.ts";
import { imageWindowGradient } from "./image-window-gradient.ts";
import { type LaidWeights, layKernels } from "./lay-kernels.ts";
import { convolvePairs, type PairedPlanes, pairedPlanes, suitsPairs } from "./paired-planes.ts";
import { pairedWeightGradient, stripsOf } from "./paired-weight-gradient.ts";
import { suitsWindows } from "./window-products.ts";
import { windowWeightGradient } from "./window-weight-gradient.ts";

/** One tensor of the input: a blocked feature, or, of fewer channels than a block, a picture that is not blocked. */
interface Part {
  /** Of a volume: three axes. */
  readonly shape: ConvolutionShape;
  readonly value: OnnxValue;
  readonly x: BlockedTensor;
  readonly w: string;
}

/**
 * Adds a convolution of blocked features to the tape, and its derivative.
 *
 * @param inputs - their channels, one after the other, are the input; an image [n, c, (z,) y, x] of fewer channels than a
 *   block may stand alone
 * @param biasCancels - a norm follows, which subtracts any bias again
 * @param cleanGradient - whatever reads the result gives a gradient with zeros between the planes
 * @returns rows between the planes hold anything
 */
export function blockedConvolution(
  tape: OnnxTape,
  block: number,
  inputs: readonly (BlockedValue | OnnxValue)[],
  w: OnnxValue,
  bias: OnnxValue | undefined,
  kernel: readonly number[],
  stride: readonly number[],
  biasCancels: boolean,
  cleanGradient: boolean,
): BlockedValue {
  const { onnx } = tape;
  const lies = windowOf(kernel, stride);
  const parts = partsOf(tape, inputs, w, lies);
  const { batch, outChannels } = parts[0]!.shape;
  const made = { batch, channels: outChannels };
  const taps = elementCount(kernel);
  const added = bias && !biasCancels ? bias.name : undefined;
  const table = Array.from({ length: taps }, (_, tap) => tap);
  const weightsOf = ({ shape: { inChannels }, w }: Part): LaidWeights => {
    return { w, outChannels, inChannels, taps, swap: false, phases: 1, table };
  };
  const y: BlockedTensor = { ...made, ...convolved(), clean: false };
  return recordBlocked(tape, y, bias ? [...inputs, w, bias] : [...inputs, w], (gradient) => {
    const dy = cleaned(onnx, block, { ...gradient, clean: cleanGradient });
    const dws = parts.map((part) => weightGradient(tape, block, part, dy));
    let paired: PairedPlanes | undefined;
    const planesOfDy = () => (paired ??= pairedPlanes(onnx, block, dy, dws.at(-1)!));
    const dxs = parts.map((part, i) =>
      tape.isTracked(part.value) ? inputGradient(tape, block, part, dy, planesOfDy, dws[i]!) : undefined,
    );
    const joined = dws.length === 1 ? dws[0]! : onnx.node("Concat", dws, { axis: 1 });
    const dw = onnx.node("Reshape", [joined, onnx.integers(w.shape)]);
    if (!bias) return [...dxs, dw];
    return [
      ...dxs,
      dw,
      biasCancels ? onnx.floats(new Array(outChannels).fill(0), [outChannels]) : channelSums(tape, block, dy),
    ];
  });

  function convolved(): Pick<BlockedTensor, "name" | "size"> {
    const { size } = parts[0]!.x;
    if (suitsPairs(lies, size, w.shape[1]!)) {
      const paired = parts.map((part) => ({ planes: pairedPlanes(onnx, block, part.x), weights: weightsOf(part) }));
      return { name: convolvePairs(onnx, block, paired, added), size };
    }
    let sum: ConvolvedPlanes | undefined;
    for (const part of parts) {
      const kernels = layKernels(onnx, block, weightsOf(part), lies, size);
      sum = convolvePlanes(onnx, part.x, lies, kernels, sum ? { sum: sum.name } : { bias: added });
    }
    return wantedRows(onnx, block, sum!, lies, made);
  }
}

function partsOf(
  { onnx }: OnnxTape,
  inputs: readonly (BlockedValue | OnnxValue)[],
  w: OnnxValue,
  lies: PlaneWindow,
): readonly Part[] {
  const channels = inputs.map((x) => x.shape[1]!);
  const names =
    inputs.length === 1
      ? [w.name]
      : onnx.nodeWithOutputs(
          "Split",
          [w.name, onnx.integers(channels)],
          inputs.map(() => onnx.fresh("Split")),
          { axis: 1 },
        );
  return inputs.map((value, i) => {
    const x = "clean" in value ? value : pictureTensor(onnx, value);
    const shape = {
      batch: x.batch,
      inChannels: x.channels,
      outChannels: w.shape[0]!,
      size: x.size,
      kernel: lies.window,
      stride: lies.stride,
    };
    return { shape, value, x, w: names[i]! };
  });
}

function pictureTensor(onnx: OnnxTape["onnx"], { name, shape }: OnnxValue): BlockedTensor {
  const [batch, channels, ...spatial] = shape as [number, number, ...number[]];
  const size = volumeSize(spatial);
  return { name: pictureOf(onnx, name, batch, channels, size), batch, channels, size, clean: true };
}

function weightGradient({ onnx }: OnnxTape, block: number, { shape, x }: Part, dy: BlockedTensor): string {
  const image = x.channels < block;
  if (suitsWindows(shape, block)) {
    if (image) return imageWindowGradient(onnx, block, shape, x.name, dy.name);
    const strips = stripsOf(shape, block);
    return strips
      ? pairedWeightGradient(onnx, block, shape, strips, x.name, dy.name)
      : windowWeightGradient(onnx, block, shape, x.name, dy.name);
  }
  if (!image && !isPointwise(shape) && !suitsPlanes(shape)) {
    const plain = (tensor: BlockedTensor) => toPlain(onnx, block, tensor, tensor.channels, tensor.size);
    return gatheredWeightGradient(onnx, shape, plain(x), plain(dy));
  }
  // not blocked: [n, co, planes · rows, x]
  const rows = onnx.node("ReorderOutput", [dy.name], { channels: dy.channels }, undefined, nchwc);
  if (!image && isPointwise(shape)) return blockedPointwiseWeightGradient(onnx, block, x, rows, shape.outChannels);
  const heights = { of: pitch(x.size), dy: pitch(dy.size) };
  if (image) return imageProduct(onnx, shape, heights, x.name, rows);
  const [kd, stride] = [shape.kernel[0]!, shape.stride[0]!];
  if (stride > 1) {
    // every other plane of x as the middle of its own group would meet none of dy in half of them
    const channelsLast = blockedDepthTaps(onnx, block, x, kd, stride);
    return depthProduct(onnx, shape, { channelsLast, heights }, rows);
  }
  return planeProduct(onnx, shape, { channelsLast: blockedChannelsLast(onnx, block, x), heights }, rows);
}

/** @param planesOfDy - the same for all parts */
function inputGradient(
  tape: OnnxTape,
  block: number,
  part: Part,
  dy: BlockedTensor,
  planesOfDy: () => PairedPlanes,
  dw: string,
): string {
  const { onnx } = tape;
  const { shape } = part;
  const { batch, inChannels, outChannels, kernel } = shape;
  const { phases, window, padStart, taps: table } = phasedKernel(shape);
  const lies: PlaneWindow = {
    window: window as unknown as PlaneSize,
    before: padStart as unknown as PlaneSize,
    stride: [1, 1, 1],
  };
  const taps = elementCount(kernel);
  const w = onceComputed(onnx, part.w, [outChannels, inChannels, taps], dw);
  const weights = { w, outChannels, inChannels, taps, swap: true, phases, table };
  if (suitsPairs(lies, dy.size, outChannels) && phases === 1)
    return convolvePairs(onnx, block, [{ planes: planesOfDy(), weights }], undefined);
  const kernels = layKernels(onnx, block, weights, lies, dy.size);
  const convolved = convolvePlanes(onnx, dy, lies, kernels, {});
  if (phases === 1) return convolved.name;
  const grid = { batch, channels: inChannels, size: outputSize(shape), stride: shape.stride };
  return wovenBlocks(onnx, block, grid, convolved, convolved.name).name;
}

/** [channel], over samples and voxels. */
export function channelSums({ onnx }: OnnxTape, block: number, x: BlockedTensor): string {
  const sums = onnx.node("Mul", [channelMeans(onnx, block, x), onnx.scalar(elementCount(x.size))]);
  return onnx.node("ReduceSum", [sums, onnx.integers([0])], { keepdims: 0 });
}
