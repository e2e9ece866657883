import type { OnnxGraph } from "@nnunet/unet-model";
import type { ConvolutionLowering, ConvolutionPart, ConvolutionShape } from "./convolution.ts";
import { groupedWeightGradient } from "./grouped-weight-gradient.ts";
import { gatherPhasedKernel, phasedKernel, weavePhases } from "./input-gradient.ts";
import { tapWeightGradient, weightGradient } from "./weight-gradient.ts";

/** Convolutions in ONNX's standard operators, for the CPU. */
export const standardLowering: ConvolutionLowering = {
  forward(onnx: OnnxGraph, parts: readonly ConvolutionPart[], bias: string | undefined): string {
    const sums = parts.map(({ shape, x, w }, i) => {
      const pads = shape.kernel.map((k) => (k - 1) / 2);
      const inputs = i > 0 || bias === undefined ? [x, w] : [x, w, bias];
      return onnx.node("Conv", inputs, { kernel_shape: shape.kernel, strides: shape.stride, pads: [...pads, ...pads] });
    });
    return sums.reduce((a, b) => onnx.node("Add", [a, b]));
  },
  inputGradient(onnx: OnnxGraph, shape: ConvolutionShape, dy: string, w: string): string {
    const kernel = phasedKernel(shape);
    const flipped = gatherPhasedKernel(onnx, shape, kernel, w);
    const phased = onnx.node("Conv", [dy, flipped], {
      kernel_shape: kernel.window,
      pads: [...kernel.padStart, ...kernel.padEnd],
    });
    return weavePhases(onnx, shape, kernel.phases, phased);
  },
  weightGradient,
};

/** The same for WebGPU. */
export const webgpuLowering: ConvolutionLowering = { ...standardLowering, weightGradient: tapWeightGradient };

/** The same for CUDA. */
export const cudaLowering: ConvolutionLowering = {
  ...standardLowering,
  weightGradient: groupedWeightGradient,
  tabulatesAxes: true,
};

/** Below this many voxels laying out the weights costs more than the faster kernels save. */
const FEWEST_VOXELS = 300;

/**
 * The same for what has no blocked form; the rest of the network lies in onnxruntime's channel-blocked ("NCHWc") layout
 * and goes through the runtime's blocked kernels (see `forward`).
 *
 * The runtime's ordinary convolution unfolds the image and multiplies matrices; its blocked one works directly on the image
 * and is about 1.5 times faster, but is only used by the runtime itself for 2D convolutions with constant weights.
 */
export const blockedLowering = (channels: number, fewestVoxels = FEWEST_VOXELS): ConvolutionLowering => ({
  ...standardLowering,
  blocks: { channels, fewestVoxels },
});
