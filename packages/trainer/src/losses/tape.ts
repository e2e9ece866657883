/** A tensor in a computation that is being written down: all that a loss may know of it is its shape. */
export interface Value {
  readonly shape: readonly number[];
}

/**
 * The operations that losses and optimisers are written in. Each engine has a tape of its own: onnxruntime's writes nodes of an ONNX
 * graph, TensorFlow.js's calls its operations at once; both differentiate what was written. So what is written once
 * trains in both.
 *
 * Elementwise operations broadcast as NumPy does. Tensors are float32, but for targets, {@link Tape.integers} and
 * {@link Tape.argMax}, which are int32 and serve comparisons alone.
 *
 * @example const loss = tape.mean(tape.multiply(error, error));
 */
export interface Tape<V extends Value = Value> {
  scalar(value: number): V;
  floats(values: readonly number[], shape: readonly number[]): V;
  /** An int32 scalar, to compare labels with. */
  integer(value: number): V;
  /** An int32 tensor, to compare labels with. */
  integers(values: readonly number[], shape: readonly number[]): V;

  add(a: V, b: V): V;
  subtract(a: V, b: V): V;
  multiply(a: V, b: V): V;
  divide(a: V, b: V): V;
  /** A square root has no gradient at 0. */
  sqrt(x: V): V;
  exp(x: V): V;
  /** Natural logarithm. */
  log(x: V): V;
  /** log(1 + eˣ), without overflow. Its derivative is the logistic function. */
  softplus(x: V): V;
  sigmoid(x: V): V;
  /** max(x, floor); below the floor the gradient is 0. */
  atLeast(x: V, floor: number): V;
  /** min(x, ceiling); above the ceiling the gradient is 0. */
  atMost(x: V, ceiling: number): V;
  /** Sum over axes, which stay as extents of 1; over all axes to a scalar if none are given. */
  sum(x: V, axes?: readonly number[]): V;
  mean(x: V, axes?: readonly number[]): V;
  reshape(x: V, shape: readonly number[]): V;

  /** The maximum over one axis, kept as extent 1, as a constant: no gradient flows through it. */
  constantMax(x: V, axis: number): V;
  /** The k-th largest of all elements (the first is the largest), a scalar, as a constant. */
  constantLargest(x: V, k: number): V;
  /** Where the maximum over one axis lies, int32, the axis kept as extent 1; the first of equals. */
  argMax(x: V, axis: number): V;
  /** A constant 0/1 tensor: where `x` equals `y` (broadcast). No gradient. */
  equal(x: V, y: V): V;
  /** The opposite of {@link Tape.equal}. */
  notEqual(x: V, y: V): V;
  /** A constant 0/1 tensor: where `x` is above `y` (broadcast). No gradient. */
  greater(x: V, y: V): V;
  /** Channel 0 of a constant [n, c, …] tensor, as extent 1. */
  firstChannel(x: V): V;
}
