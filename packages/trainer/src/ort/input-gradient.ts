import { elementCount } from "@nnunet/core";
import type { OnnxGraph } from "@nnunet/unet-model";
import { interleaveTaps } from "@nnunet/unet-model";
import type { ConvolutionShape } from "./convolution.ts";

/**
 * The convolution that gives the input gradient, written as a plain stride-1 convolution of dy.
 *
 * With stride 1 it is the flipped kernel with its channels swapped. With stride s each output voxel of dx falls into
 * one of s phases along an axis, and each phase sees its own taps; all phases become extra output channels of one
 * convolution (the sub-pixel form), which {@link weavePhases} interleaves into space. `ConvTranspose` on the CPU was
 * 8–12 times slower (design/training-engine.md).
 */
export interface PhasedKernel {
  /** Number of phases, the product of the strides. */
  readonly phases: number;
  /** Per axis: width of the window over dy, and its padding at the start and the end. */
  readonly window: readonly number[];
  readonly padStart: readonly number[];
  readonly padEnd: readonly number[];
  /** For each (phase, window position), row-major: the flat tap of w, or −1 where the phase has none. */
  readonly taps: readonly number[];
}

export function phasedKernel(shape: ConvolutionShape): PhasedKernel {
  const axes = shape.kernel.map((kernel, axis) => axisPhases(kernel, shape.stride[axis]!));
  const phases = elementCount(shape.stride);
  const window = axes.map((a) => a.window);
  const taps: number[] = [];
  for (let phase = 0; phase < phases; phase++) {
    const phaseOf = unravel(phase, shape.stride);
    for (let position = 0; position < elementCount(window); position++) {
      const at = unravel(position, window);
      let flat = 0;
      for (const [axis, a] of axes.entries()) {
        const tap = a.taps[phaseOf[axis]!]![at[axis]!]!;
        flat = flat < 0 || tap < 0 ? -1 : flat * shape.kernel[axis]! + tap;
      }
      taps.push(flat);
    }
  }
  return { phases, window, padStart: axes.map((a) => a.padStart), padEnd: axes.map((a) => a.padEnd), taps };
}

/** Along one axis: input i = s·o + t − p, so phase i mod s meets output o through the taps t ≡ i + p (mod s). */
function axisPhases(
  kernel: number,
  stride: number,
): { window: number; padStart: number; padEnd: number; taps: number[][] } {
  const padding = (kernel - 1) / 2;
  let first = 0;
  let last = 0;
  const meets: { offset: number; tap: number }[][] = [];
  for (let phase = 0; phase < stride; phase++) {
    const list: { offset: number; tap: number }[] = [];
    for (let tap = 0; tap < kernel; tap++) {
      const distance = phase + padding - tap; // = s·offset
      if (((distance % stride) + stride) % stride !== 0) continue;
      const offset = distance / stride;
      list.push({ offset, tap });
      first = Math.min(first, offset);
      last = Math.max(last, offset);
    }
    meets.push(list);
  }
  const window = last - first + 1;
  const taps = meets.map((list) => {
    const row = new Array<number>(window).fill(-1);
    for (const { offset, tap } of list) row[offset - first] = tap;
    return row;
  });
  return { window, padStart: -first, padEnd: last, taps };
}

/**
 * w [co, ci, ...kernel] → [phases·ci, co, ...window], phase slowest.
 */
export function gatherPhasedKernel(onnx: OnnxGraph, shape: ConvolutionShape, kernel: PhasedKernel, w: string): string {
  const { inChannels: ci, outChannels: co } = shape;
  const tapCount = elementCount(shape.kernel);
  let flat = onnx.node("Reshape", [w, onnx.integers([co, ci, tapCount])]);
  if (kernel.taps.includes(-1)) {
    // one more tap that is zero, for window positions that a phase does not use
    flat = onnx.node("Pad", [flat, onnx.integers([0, 0, 0, 0, 0, 1])]);
  }
  const picked = onnx.node("Gather", [flat, onnx.integers(kernel.taps.map((t) => (t < 0 ? tapCount : t)))], {
    axis: 2,
  });
  const apart = onnx.node("Reshape", [picked, onnx.integers([co, ci, kernel.phases, elementCount(kernel.window)])]);
  const swapped = onnx.node("Transpose", [apart], { perm: [2, 1, 0, 3] });
  return onnx.node("Reshape", [swapped, onnx.integers([kernel.phases * ci, co, ...kernel.window])]);
}

/** [n, phases·ci, ...outputSize] → [n, ci, ...size]. */
export function weavePhases(onnx: OnnxGraph, shape: ConvolutionShape, phases: number, y: string): string {
  if (phases === 1) return y;
  const small = shape.size.map((n, axis) => n / shape.stride[axis]!);
  const apart = onnx.node("Reshape", [y, onnx.integers([shape.batch, phases, shape.inChannels, ...small])]);
  const channelFirst = onnx.node("Transpose", [apart], { perm: [0, 2, 1, ...small.map((_, axis) => axis + 3)] });
  return interleaveTaps(onnx, channelFirst, shape.inChannels, shape.stride, small);
}

/** The coordinates of an index in C order. */
export function unravel(index: number, shape: readonly number[]): number[] {
  const at = new Array<number>(shape.length);
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    at[axis] = index % shape[axis]!;
    index = Math.floor(index / shape[axis]!);
  }
  return at;
}
