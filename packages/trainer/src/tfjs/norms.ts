import { elementCount } from "@nnunet/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { differentiable } from "./differentiable.ts";
import type { Tf } from "./tensor-tape.ts";

/** y = (x − mean) · scale / √(variance + ε) + bias, mean and variance per sample and channel. */
export function instanceNorm(tf: Tf, x: Tensor, scale: Tensor, bias: Tensor, epsilon: number): Tensor {
  return norm(tf, x, x.shape[0]!, scale, bias, epsilon);
}

/** Mean and variance of a batch, [channel] each; the variance is divided by one voxel less, as PyTorch's running one. */
export type See = (mean: Tensor, variance: Tensor) => void;

/**
 * The same with mean and variance per channel, over the whole batch.
 *
 * @param see - is handed what this batch has; it keeps the tensors, or they are freed
 */
export function batchNorm(tf: Tf, x: Tensor, scale: Tensor, bias: Tensor, epsilon: number, see: See): Tensor {
  return norm(tf, x, 1, scale, bias, epsilon, see);
}

/** By running averages: a scale and a shift per channel. */
export function batchNormByAverages(
  tf: Tf,
  x: Tensor,
  scale: Tensor,
  bias: Tensor,
  averages: { readonly mean: Tensor; readonly variance: Tensor },
  epsilon: number,
): Tensor {
  const factor = tf.div(scale, tf.sqrt(tf.add(averages.variance, epsilon)));
  return tf.add(tf.mul(x, factor), tf.sub(bias, tf.mul(averages.mean, factor)));
}

/** Over `groups` equal parts of the batch, each normalised by itself; its gradient as in ../ort/norms.ts. */
function norm(tf: Tf, x: Tensor, groups: number, scale: Tensor, bias: Tensor, epsilon: number, see?: See): Tensor {
  const c = x.shape.at(-1)!;
  const voxels = elementCount(x.shape) / (groups * c);
  const flat = [groups, voxels, c];
  return differentiable(tf, [x, scale, bias], forward, backward);

  function forward() {
    const given = tf.reshape(x, flat);
    const mean = tf.mean(given, 1, true);
    // two passes, as the variance of values far from zero loses all digits in one
    const variance = tf.mean(tf.square(tf.sub(given, mean)), 1, true);
    see?.(tf.reshape(mean, [c]), tf.reshape(tf.mul(variance, voxels / Math.max(1, voxels - 1)), [c]));
    const r = tf.rsqrt(tf.add(variance, epsilon));
    const a = tf.mul(r, scale);
    const y = tf.add(tf.mul(given, a), tf.sub(bias, tf.mul(mean, a)));
    return { value: tf.reshape(y, x.shape), kept: [x, scale, mean, r] };
  }

  function backward(dy: Tensor, kept: readonly Tensor[]): Tensor[] {
    const [input, gamma, mean, r] = kept as [Tensor, Tensor, Tensor, Tensor];
    const g = tf.reshape(dy, flat);
    const centred = tf.sub(tf.reshape(input, flat), mean);
    const s1 = tf.sum(g, 1, true);
    const s2 = tf.tidy(() => tf.sum(tf.mul(g, centred), 1, true));
    const a = tf.mul(r, gamma);
    const slope = tf.mul(tf.mul(a, tf.mul(tf.square(r), s2)), -1 / voxels);
    const offset = tf.mul(tf.mul(a, s1), -1 / voxels);
    const dx = tf.add(tf.mul(g, a), tf.add(tf.mul(centred, slope), offset));
    return [tf.reshape(dx, x.shape), tf.sum(tf.mul(s2, r), [0, 1]), tf.sum(s1, [0, 1])];
  }
}
