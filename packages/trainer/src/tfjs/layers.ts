import { elementCount } from "@nnunet/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { differentiable } from "./differentiable.ts";
import type { Tf } from "./tensor-tape.ts";

/*
 * The layers of a network on tensors with the channels last, [n, (z,) y, x, channel], the only order that TensorFlow's
 * convolutions know on a CPU.
 */

/** x where x > 0, slope·x elsewhere. The gradient reads the sign off the output, which the next layer keeps anyway. */
export function leakyRelu(tf: Tf, x: Tensor, slope: number): Tensor {
  return differentiable(
    tf,
    [x],
    () => {
      const value = tf.leakyRelu(x, slope);
      return { value, kept: [value] };
    },
    (dy, [y]) => [tf.where(tf.greater(y!, 0), dy, tf.mul(dy, slope))],
  );
}

/**
 * Transposed convolution with kernel = stride: one matrix product, whose columns are then interleaved into space.
 *
 * @param w - [in, ...stride, out]
 */
export function upConv(tf: Tf, x: Tensor, w: Tensor, bias: Tensor | undefined, stride: readonly number[]): Tensor {
  const ci = x.shape.at(-1)!;
  const y = differentiable(
    tf,
    [x, w],
    () => {
      const product = tf.matMul(tf.reshape(x, [-1, ci]), tf.reshape(w, [ci, -1]));
      return { value: interleave(tf, product, x.shape, w.shape.at(-1)!, stride), kept: [x, w] };
    },
    (dy, kept) => {
      const [input, weight] = kept as [Tensor, Tensor];
      const byTap = tf.reshape(gatherTaps(tf, dy, stride), [elementCount(input.shape) / ci, -1]);
      const dx = tf.matMul(byTap, tf.reshape(weight, [ci, -1]), false, true);
      const dw = tf.matMul(tf.reshape(input, [-1, ci]), byTap, true);
      return [tf.reshape(dx, input.shape), tf.reshape(dw, weight.shape)];
    },
  );
  return bias === undefined ? y : tf.add(y, bias);
}

/** Average over blocks of `stride`; the gradient spreads each value evenly over its block. */
export function averagePool(tf: Tf, x: Tensor, stride: readonly number[]): Tensor {
  const c = x.shape.at(-1)!;
  const taps = elementCount(stride);
  const small = x.shape.map((n, axis) => n / (stride[axis - 1] ?? 1));
  return differentiable(
    tf,
    [x],
    () => {
      const blocks = tf.reshape(gatherTaps(tf, x, stride), [-1, taps, c]);
      return { value: tf.reshape(tf.mean(blocks, 1), small), kept: [] };
    },
    (dy) => {
      const share = tf.mul(tf.reshape(dy, [-1, 1, c]), 1 / taps);
      return [interleave(tf, tf.tile(share, [1, taps, 1]), small, c, stride)];
    },
  );
}

/** The channels of one, then those of the next. */
export function concat(tf: Tf, inputs: readonly Tensor[]): Tensor {
  const channels = inputs.map((x) => x.shape.at(-1)!);
  return differentiable(
    tf,
    inputs,
    () => ({ value: tf.concat([...inputs], -1), kept: [] }),
    (dy) => tf.split(dy, channels, -1),
  );
}

export function add(tf: Tf, a: Tensor, b: Tensor): Tensor {
  return differentiable(
    tf,
    [a, b],
    () => ({ value: tf.add(a, b), kept: [] }),
    (dy) => [tf.clone(dy), tf.clone(dy)],
  );
}

/**
 * [n, z, y, x, tz, ty, tx, c], any split of it, → [n, z·sz, y·sy, x·sx, c]: tap t of voxel v goes to voxel s·v + t.
 *
 * @param coarse - [n, (z,) y, x, …] of the voxels
 */
function interleave(tf: Tf, x: Tensor, coarse: readonly number[], c: number, stride: readonly number[]): Tensor {
  const { voxels, taps } = split(coarse, stride, c);
  const woven = tf.transpose(tf.reshape(x, [...voxels, ...taps]), weave(stride));
  return tf.reshape(woven, [coarse[0]!, ...stride.map((s, axis) => s * coarse[axis + 1]!), c]);
}

/** The opposite: [n, z, y, x, c] → [n, z/sz, y/sy, x/sx, tz, ty, tx, c], with n and z, and tx and c, as one axis each. */
function gatherTaps(tf: Tf, x: Tensor, stride: readonly number[]): Tensor {
  const coarse = x.shape.map((n, axis) => n / (stride[axis - 1] ?? 1));
  const { voxels, taps } = split(coarse, stride, x.shape.at(-1)!);
  const perm = weave(stride);
  const extents = [...voxels, ...taps];
  const woven = tf.reshape(
    x,
    perm.map((axis) => extents[axis]!),
  );
  return tf.transpose(
    woven,
    perm.map((_, axis) => perm.indexOf(axis)),
  );
}

/** Six axes at most, all that TensorFlow.js's types know: the batch goes with the first axis, the channels with the last tap. */
function split(coarse: readonly number[], stride: readonly number[], c: number) {
  const [n, first, ...others] = coarse.slice(0, stride.length + 1) as [number, number, ...number[]];
  return { voxels: [n * first, ...others], taps: [...stride.slice(0, -1), stride.at(-1)! * c] };
}

/** The axes [z, y, x, tz, ty, tx] as [z, tz, y, ty, x, tx]. */
const weave = (stride: readonly number[]): number[] => stride.flatMap((_, axis) => [axis, stride.length + axis]);
