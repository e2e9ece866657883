import { elementCount } from "@nnunet/core";
import type { Tensor, Tensor4D, Tensor5D } from "@tensorflow/tfjs-core";
import type { Tf } from "./tensor-tape.ts";

/*
 * The layers of a network on tensors with the channels last, [n, (z,) y, x, channel], the only order that TensorFlow's
 * convolutions know on a CPU.
 */

/**
 * @param w - [...kernel, in, out]
 * @param bias - [out]
 */
export function convolution(
  tf: Tf,
  x: Tensor,
  w: Tensor,
  bias: Tensor | undefined,
  kernel: readonly number[],
  stride: readonly number[],
): Tensor {
  const y = isPointwise(kernel, stride) ? pointwise(tf, x, w) : spatialConvolution(tf, x, w, kernel, stride);
  return bias === undefined ? y : tf.add(y, bias);
}

const isPointwise = (kernel: readonly number[], stride: readonly number[]) =>
  kernel.every((k) => k === 1) && stride.every((s) => s === 1);

/** One matrix product. */
function pointwise(tf: Tf, x: Tensor, w: Tensor): Tensor {
  const [ci, co] = w.shape.slice(-2) as [number, number];
  const y = tf.matMul(tf.reshape(x, [-1, ci]), tf.reshape(w, [ci, co]));
  return tf.reshape(y, [...x.shape.slice(0, -1), co]);
}

function spatialConvolution(
  tf: Tf,
  x: Tensor,
  w: Tensor,
  kernel: readonly number[],
  stride: readonly number[],
): Tensor {
  // "same" pads an even size that is halved on the right alone, where (kernel − 1) / 2 on the left is wanted
  const same = stride.every((s) => s === 1);
  const padded = same ? x : padForStride(tf, x, kernel, stride);
  const padding = same ? "same" : "valid";
  return kernel.length === 2
    ? tf.conv2d(padded as Tensor4D, w as Tensor4D, stride as [number, number], padding)
    : tf.conv3d(padded as Tensor5D, w as Tensor5D, stride as [number, number, number], padding);
}

/** (kernel − 1) / 2 zeros before each axis, and after it as many as the last window reaches over the edge. */
function padForStride(tf: Tf, x: Tensor, kernel: readonly number[], stride: readonly number[]): Tensor {
  const spatial = x.shape.slice(1, -1).map((n, axis): [number, number] => {
    const before = (kernel[axis]! - 1) / 2;
    const reach = n - stride[axis]! + kernel[axis]!;
    return [before, Math.max(0, reach - n - before)];
  });
  return tf.pad(x, [[0, 0], ...spatial, [0, 0]]);
}

/**
 * y = (x − mean) · scale / √(variance + ε) + bias, mean and variance per sample and channel; its gradient as in
 * ../ort/layers.ts, which keeps no more than x.
 */
export function instanceNorm(tf: Tf, x: Tensor, scale: Tensor, bias: Tensor, epsilon: number): Tensor {
  const [n, c] = [x.shape[0]!, x.shape.at(-1)!];
  const voxels = elementCount(x.shape) / (n * c);
  const flat = [n, voxels, c];
  const normalise = tf.customGrad((input, gamma, beta, save) => {
    const given = tf.reshape(input as Tensor, flat);
    const mean = tf.mean(given, 1, true);
    // two passes, as the variance of values far from zero loses all digits in one
    const variance = tf.mean(tf.square(tf.sub(given, mean)), 1, true);
    const r = tf.rsqrt(tf.add(variance, epsilon));
    const a = tf.mul(r, gamma as Tensor);
    const y = tf.add(tf.mul(given, a), tf.sub(beta as Tensor, tf.mul(mean, a)));
    (save as (tensors: Tensor[]) => void)([input as Tensor, gamma as Tensor, mean, r]);
    return { value: tf.reshape(y, x.shape), gradFunc };
  });
  return normalise(x, scale, bias);

  function gradFunc(dy: Tensor, saved: Tensor | Tensor[]): Tensor[] {
    const [input, gamma, mean, r] = saved as [Tensor, Tensor, Tensor, Tensor];
    const g = tf.reshape(dy, flat);
    const centred = tf.sub(tf.reshape(input, flat), mean);
    const s1 = tf.sum(g, 1, true);
    const s2 = tf.sum(tf.mul(g, centred), 1, true);
    const a = tf.mul(r, gamma);
    const slope = tf.mul(tf.mul(a, tf.mul(tf.square(r), s2)), -1 / voxels);
    const offset = tf.mul(tf.mul(a, s1), -1 / voxels);
    const dx = tf.add(tf.mul(g, a), tf.add(tf.mul(centred, slope), offset));
    return [tf.reshape(dx, x.shape), tf.sum(tf.mul(s2, r), [0, 1]), tf.sum(s1, [0, 1])];
  }
}

/** x where x > 0, slope·x elsewhere. The gradient reads the sign off the output, which the next layer keeps anyway. */
export function leakyRelu(tf: Tf, x: Tensor, slope: number): Tensor {
  const relu = tf.customGrad((input, save) => {
    const y = tf.leakyRelu(input as Tensor, slope);
    (save as (tensors: Tensor[]) => void)([y]);
    return {
      value: y,
      gradFunc: (dy: Tensor, saved: Tensor[]) => tf.where(tf.greater(saved[0]!, 0), dy, tf.mul(dy, slope)),
    };
  });
  return relu(x);
}

/**
 * Transposed convolution with kernel = stride: one matrix product, whose columns are then interleaved into space.
 *
 * @param w - [in, ...stride, out]
 */
export function upConv(tf: Tf, x: Tensor, w: Tensor, bias: Tensor | undefined, stride: readonly number[]): Tensor {
  const [n, ...rest] = x.shape as [number, ...number[]];
  const size = rest.slice(0, -1);
  const [ci, co] = [w.shape[0]!, w.shape.at(-1)!];
  const product = tf.matMul(tf.reshape(x, [-1, ci]), tf.reshape(w, [ci, -1]));
  // [n, z, y, x, tz, ty, tx, c] → [n, z, tz, y, ty, x, tx, c], with n and z, tx and c taken as one axis each
  const [first, ...others] = size as [number, ...number[]];
  const taps = stride.slice(0, -1);
  const apart = tf.reshape(product, [n * first, ...others, ...taps, stride.at(-1)! * co]);
  const perm = size.length === 2 ? [0, 2, 1, 3] : [0, 3, 1, 4, 2, 5];
  const woven = tf.transpose(apart, perm);
  const y = tf.reshape(woven, [n, ...size.map((extent, axis) => extent * stride[axis]!), co]);
  return bias === undefined ? y : tf.add(y, bias);
}

/** Average over blocks of `stride`. */
export function averagePool(tf: Tf, x: Tensor, stride: readonly number[]): Tensor {
  return stride.length === 2
    ? tf.avgPool(x as Tensor4D, stride as [number, number], stride as [number, number], "valid")
    : tf.avgPool3d(x as Tensor5D, stride as [number, number, number], stride as [number, number, number], "valid");
}
