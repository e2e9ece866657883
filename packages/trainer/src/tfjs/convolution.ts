import type { Tensor } from "@tensorflow/tfjs-core";
import { differentiable } from "./differentiable.ts";
import type { Tf } from "./tensor-tape.ts";

/** Shapes: x [n, (z,) y, x, in], w [...kernel, in, out]. */
export interface ConvolutionShape {
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
}

/**
 * @param bias - [out]
 * @param first - x is the image: its gradient is not wanted
 */
export function convolution(
  tf: Tf,
  x: Tensor,
  w: Tensor,
  bias: Tensor | undefined,
  shape: ConvolutionShape,
  first: boolean,
): Tensor {
  const ways = shape.kernel.every((k) => k === 1) && shape.stride.every((s) => s === 1) ? pointwise : spatial;
  const y = differentiable(
    tf,
    first ? [w] : [x, w],
    () => ({ value: ways.forward(tf, x, w, shape), kept: [x, w] }),
    (dy, kept) => {
      const [input, weight] = kept as [Tensor, Tensor];
      const dw = ways.weightGradient(tf, input, dy, weight.shape, shape);
      return first ? [dw] : [ways.inputGradient(tf, dy, weight, input.shape, shape), dw];
    },
  );
  return bias === undefined ? y : tf.add(y, bias);
}

interface Ways {
  forward(tf: Tf, x: Tensor, w: Tensor, shape: ConvolutionShape): Tensor;
  inputGradient(tf: Tf, dy: Tensor, w: Tensor, shapeOfX: readonly number[], shape: ConvolutionShape): Tensor;
  weightGradient(tf: Tf, x: Tensor, dy: Tensor, shapeOfW: readonly number[], shape: ConvolutionShape): Tensor;
}

/** Matrix products: voxels are rows. */
const pointwise: Ways = {
  forward(tf, x, w) {
    const y = tf.matMul(rows(tf, x), tf.reshape(w, w.shape.slice(-2)));
    return tf.reshape(y, [...x.shape.slice(0, -1), w.shape.at(-1)!]);
  },
  inputGradient(tf, dy, w, shapeOfX) {
    return tf.reshape(tf.matMul(rows(tf, dy), tf.reshape(w, w.shape.slice(-2)), false, true), [...shapeOfX]);
  },
  weightGradient(tf, x, dy, shapeOfW) {
    return tf.reshape(tf.matMul(rows(tf, x), rows(tf, dy), true), [...shapeOfW]);
  },
};

const rows = (tf: Tf, x: Tensor): Tensor => tf.reshape(x, [-1, x.shape.at(-1)!]);

/** TensorFlow's convolutions and their two gradients. */
const spatial: Ways = {
  forward(tf, x, w, shape) {
    const { kernels, padding, options } = spatialKernels(tf, x.shape, shape);
    return run(tf, kernels.forward, { x: pad(tf, x, padding), filter: w }, options);
  },
  inputGradient(tf, dy, w, shapeOfX, shape) {
    const { kernels, padding, options } = spatialKernels(tf, shapeOfX, shape);
    const inputShape = shapeOfX.map((n, axis) => n + padding[axis]![0] + padding[axis]![1]);
    const dx = run(tf, kernels.inputGradient, { dy, filter: w }, { ...options, inputShape });
    if (!isPadded(padding)) return dx;
    return tf.slice(
      dx,
      padding.map(([before]) => before),
      [...shapeOfX],
    );
  },
  weightGradient(tf, x, dy, shapeOfW, shape) {
    const { kernels, padding, options } = spatialKernels(tf, x.shape, shape);
    return run(tf, kernels.weightGradient, { x: pad(tf, x, padding), dy }, { ...options, filterShape: [...shapeOfW] });
  },
};

type Padding = readonly (readonly [number, number])[];

function spatialKernels(tf: Tf, shapeOfX: readonly number[], { kernel, stride }: ConvolutionShape) {
  const flat = kernel.length === 2;
  const kernels = flat
    ? { forward: tf.Conv2D, inputGradient: tf.Conv2DBackpropInput, weightGradient: tf.Conv2DBackpropFilter }
    : { forward: tf.Conv3D, inputGradient: tf.Conv3DBackpropInputV2, weightGradient: tf.Conv3DBackpropFilterV2 };
  const same = stride.every((s) => s === 1);
  const options = {
    strides: [...stride],
    pad: same ? "same" : "valid",
    dataFormat: flat ? "NHWC" : "NDHWC",
    dilations: kernel.map(() => 1),
  };
  return {
    kernels,
    padding: same ? shapeOfX.map(() => [0, 0] as const) : paddingOf(shapeOfX, kernel, stride),
    options,
  };
}

/**
 * (kernel − 1) / 2 zeros before each axis, and behind it as many as the last window reaches over the edge. TensorFlow's
 * own padding "same" would put the one zero of a kernel of 3 that halves an even axis behind it.
 */
function paddingOf(shapeOfX: readonly number[], kernel: readonly number[], stride: readonly number[]): Padding {
  return shapeOfX.map((_, axis) => {
    const k = kernel[axis - 1];
    if (k === undefined || axis === 0) return [0, 0];
    const before = (k - 1) / 2;
    return [before, Math.max(0, k - stride[axis - 1]! - before)];
  });
}

const isPadded = (padding: Padding) => padding.some(([before, behind]) => before + behind > 0);

function pad(tf: Tf, x: Tensor, padding: Padding): Tensor {
  return isPadded(padding) ? tf.pad(x, padding as [number, number][]) : x;
}

function run(tf: Tf, kernel: string, inputs: Record<string, Tensor>, attributes: Record<string, unknown>): Tensor {
  return tf.engine().runKernel(kernel, inputs, attributes as never) as Tensor;
}
