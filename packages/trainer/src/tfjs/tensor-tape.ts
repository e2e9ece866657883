import { elementCount } from "@nnunet/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { Tape } from "../losses/tape.ts";

/** TensorFlow.js, whichever package it came from. */
export type Tf = typeof import("@tensorflow/tfjs-core");

/** Computes at once, by TensorFlow.js, which differentiates what runs inside its `grads`. */
export class TensorTape implements Tape<Tensor> {
  readonly #tf: Tf;

  constructor(tf: Tf) {
    this.#tf = tf;
  }

  scalar(value: number): Tensor {
    return this.#tf.scalar(value);
  }

  floats(values: readonly number[], shape: readonly number[]): Tensor {
    return this.#tf.tensor([...values], [...shape], "float32");
  }

  integer(value: number): Tensor {
    return this.#tf.scalar(value, "int32");
  }

  integers(values: readonly number[], shape: readonly number[]): Tensor {
    return this.#tf.tensor([...values], [...shape], "int32");
  }

  add(a: Tensor, b: Tensor): Tensor {
    return this.#tf.add(a, b);
  }

  subtract(a: Tensor, b: Tensor): Tensor {
    return this.#tf.sub(a, b);
  }

  multiply(a: Tensor, b: Tensor): Tensor {
    return this.#tf.mul(a, b);
  }

  divide(a: Tensor, b: Tensor): Tensor {
    return this.#tf.div(a, b);
  }

  sqrt(x: Tensor): Tensor {
    return this.#tf.sqrt(x);
  }

  exp(x: Tensor): Tensor {
    return this.#tf.exp(x);
  }

  log(x: Tensor): Tensor {
    return this.#tf.log(x);
  }

  softplus(x: Tensor): Tensor {
    return this.#tf.softplus(x);
  }

  sigmoid(x: Tensor): Tensor {
    return this.#tf.sigmoid(x);
  }

  atLeast(x: Tensor, floor: number): Tensor {
    return this.#tf.maximum(x, this.#tf.scalar(floor));
  }

  atMost(x: Tensor, ceiling: number): Tensor {
    return this.#tf.minimum(x, this.#tf.scalar(ceiling));
  }

  sum(x: Tensor, axes?: readonly number[]): Tensor {
    return axes ? this.#tf.sum(x, [...axes], true) : this.#tf.sum(x);
  }

  mean(x: Tensor, axes?: readonly number[]): Tensor {
    const count = elementCount(axes ? axes.map((axis) => x.shape[axis]!) : x.shape);
    return this.multiply(this.sum(x, axes), this.scalar(1 / count));
  }

  reshape(x: Tensor, shape: readonly number[]): Tensor {
    return this.#tf.reshape(x, [...shape]);
  }

  constantMax(x: Tensor, axis: number): Tensor {
    return this.#constant([x], (tf) => tf.max(x, axis, true));
  }

  constantLargest(x: Tensor, k: number): Tensor {
    return this.#constant([x], (tf) => {
      const { values } = tf.topk(tf.reshape(x, [-1]), k);
      return tf.reshape(tf.slice(values, [k - 1], [1]), []);
    });
  }

  argMax(x: Tensor, axis: number): Tensor {
    return this.#constant([x], (tf) => tf.expandDims(tf.argMax(x, axis), axis));
  }

  equal(x: Tensor, y: Tensor): Tensor {
    return this.#constant([x, y], (tf) => tf.cast(tf.equal(x, y), "float32"));
  }

  notEqual(x: Tensor, y: Tensor): Tensor {
    return this.#constant([x, y], (tf) => tf.cast(tf.notEqual(x, y), "float32"));
  }

  greater(x: Tensor, y: Tensor): Tensor {
    return this.#constant([x, y], (tf) => tf.cast(tf.greater(x, y), "float32"));
  }

  firstChannel(x: Tensor): Tensor {
    return this.#constant([x], (tf) => tf.slice(x, [0, 0], [-1, 1]));
  }

  /** TensorFlow.js has no way to stop a gradient but one that is zero. */
  #constant(inputs: readonly Tensor[], compute: (tf: Tf) => Tensor): Tensor {
    const tf = this.#tf;
    const constant = tf.customGrad(() => ({
      value: compute(tf),
      gradFunc: () => inputs.map((input) => tf.zeros(input.shape)),
    }));
    return constant(...inputs);
  }
}
