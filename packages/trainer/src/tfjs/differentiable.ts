import type { Tensor } from "@tensorflow/tfjs-core";
import type { Tf } from "./tensor-tape.ts";

export interface Forward {
  readonly value: Tensor;
  /** Tensors that the gradient will want. */
  readonly kept: readonly Tensor[];
}

/**
 * An operation with a gradient of its own, in TensorFlow.js's automatic differentiation. What it keeps, and the gradient
 * that it is given, are freed as soon as it has been differentiated; TensorFlow.js itself holds all of them to the end of
 * the step, which is three times the memory.
 *
 * @param backward - the gradients by `inputs`, as new tensors, from that by the value
 */
export function differentiable(
  tf: Tf,
  inputs: readonly Tensor[],
  forward: () => Forward,
  backward: (dy: Tensor, kept: readonly Tensor[]) => Tensor[],
): Tensor {
  const operation = tf.customGrad((...given) => {
    const save = given.at(-1) as (tensors: Tensor[]) => void;
    const { value, kept } = forward();
    save([...kept]);
    return {
      value,
      gradFunc: (dy: Tensor, saved: Tensor[]) => {
        const gradients = tf.tidy(() => backward(dy, saved));
        tf.dispose([dy, ...saved]);
        return gradients;
      },
    };
  });
  return operation(...inputs);
}
