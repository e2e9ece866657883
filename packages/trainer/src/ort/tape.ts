import { elementCount, InvalidArgumentError } from "@nnunet/core";
import type { OnnxGraph } from "@nnunet/unet-model";

/** A tensor of the training graph: its ONNX name and its static shape. */
export interface Value {
  readonly name: string;
  readonly shape: readonly number[];
}

/** Given the gradient of the loss by an operation's output, the gradients by its inputs (undefined: not needed). */
export type Backward = (gradient: string) => readonly (string | undefined)[];

interface TapeRecord {
  readonly output: Value;
  readonly inputs: readonly Value[];
  readonly backward: Backward;
}

/**
 * Writes a forward computation into an ONNX graph and remembers how to differentiate it: reverse-mode automatic
 * differentiation where both passes end up as nodes of the same graph.
 *
 * Elementwise operations broadcast as NumPy does. A loss is a function that builds on these operations, so a
 * researcher's own loss is differentiated like ours. Operations with a lowering of their own (convolution, instance
 * norm) call {@link Tape.record}.
 *
 * @example
 * const loss = tape.mean(tape.multiply(error, error));
 * const [gradient] = tape.gradients(loss, [weight]);
 */
export class Tape {
  readonly #records: TapeRecord[] = [];
  readonly #tracked = new Set<string>();

  constructor(readonly onnx: OnnxGraph) {}

  /** A graph input; `differentiable` ones can be asked for their gradient. */
  input(
    name: string,
    shape: readonly number[],
    options: { differentiable?: boolean; type?: "float32" | "int32" } = {},
  ): Value {
    this.onnx.input(name, options.type ?? "float32", shape);
    if (options.differentiable) this.#tracked.add(name);
    return { name, shape };
  }

  /** A tensor made by nodes already added, that gradients can be asked for. */
  parameter(name: string, shape: readonly number[]): Value {
    this.#tracked.add(name);
    return { name, shape };
  }

  scalar(value: number): Value {
    return { name: this.onnx.scalar(value), shape: [] };
  }

  floats(values: readonly number[], shape: readonly number[]): Value {
    return { name: this.onnx.floats(values, shape), shape };
  }

  /** An int32 scalar, to compare labels with. */
  integer(value: number): Value {
    return { name: this.onnx.int32s([value], []), shape: [] };
  }

  /** An int32 tensor, to compare labels with. */
  integers(values: readonly number[], shape: readonly number[]): Value {
    return { name: this.onnx.int32s(values, shape), shape };
  }

  isTracked(value: Value): boolean {
    return this.#tracked.has(value.name);
  }

  /** Declares `name` to be computed from `inputs` by nodes already added. */
  record(name: string, shape: readonly number[], inputs: readonly Value[], backward: Backward): Value {
    const output = { name, shape };
    if (inputs.some((i) => this.isTracked(i))) {
      this.#tracked.add(name);
      this.#records.push({ output, inputs, backward });
    }
    return output;
  }

  add(a: Value, b: Value): Value {
    return this.#broadcasting("Add", a, b, (g) => [g, g]);
  }

  subtract(a: Value, b: Value): Value {
    return this.#broadcasting("Sub", a, b, (g) => [g, this.onnx.node("Neg", [g])]);
  }

  multiply(a: Value, b: Value): Value {
    return this.#broadcasting("Mul", a, b, (g) => [
      this.onnx.node("Mul", [g, b.name]),
      this.onnx.node("Mul", [g, a.name]),
    ]);
  }

  divide(a: Value, b: Value): Value {
    return this.#broadcasting("Div", a, b, (g, quotient) => {
      const byA = this.onnx.node("Div", [g, b.name]);
      return [byA, this.onnx.node("Neg", [this.onnx.node("Mul", [byA, quotient])])];
    });
  }

  exp(x: Value): Value {
    const y = this.onnx.node("Exp", [x.name]);
    return this.record(y, x.shape, [x], (g) => [this.onnx.node("Mul", [g, y])]);
  }

  log(x: Value): Value {
    return this.record(this.onnx.node("Log", [x.name]), x.shape, [x], (g) => [this.onnx.node("Div", [g, x.name])]);
  }

  /** log(1 + eˣ), without overflow. Its derivative is the logistic function. */
  softplus(x: Value): Value {
    return this.record(this.onnx.node("Softplus", [x.name]), x.shape, [x], (g) => [
      this.onnx.node("Mul", [g, this.onnx.node("Sigmoid", [x.name])]),
    ]);
  }

  sigmoid(x: Value): Value {
    const y = this.onnx.node("Sigmoid", [x.name]);
    return this.record(y, x.shape, [x], (g) => {
      const slope = this.onnx.node("Mul", [y, this.onnx.node("Sub", [this.onnx.scalar(1), y])]);
      return [this.onnx.node("Mul", [g, slope])];
    });
  }

  /** max(x, floor); below the floor the gradient is 0. */
  atLeast(x: Value, floor: number): Value {
    return this.record(this.onnx.node("Max", [x.name, this.onnx.scalar(floor)]), x.shape, [x], (g) => {
      const above = this.onnx.node("Cast", [this.onnx.node("Greater", [x.name, this.onnx.scalar(floor)])], { to: 1 });
      return [this.onnx.node("Mul", [g, above])];
    });
  }

  /** Sum over axes, which stay as extents of 1; over all axes to a scalar if none are given. */
  sum(x: Value, axes?: readonly number[]): Value {
    if (!axes) {
      const name = this.onnx.node("ReduceSum", [x.name], { keepdims: 0 });
      return this.record(name, [], [x], (g) => [this.onnx.node("Expand", [g, this.onnx.integers(x.shape)])]);
    }
    const shape = x.shape.map((n, axis) => (axes.includes(axis) ? 1 : n));
    const name = this.onnx.node("ReduceSum", [x.name, this.onnx.integers(axes)]);
    return this.record(name, shape, [x], (g) => [this.onnx.node("Expand", [g, this.onnx.integers(x.shape)])]);
  }

  mean(x: Value, axes?: readonly number[]): Value {
    const count = axes ? elementCount(axes.map((axis) => x.shape[axis]!)) : elementCount(x.shape);
    return this.multiply(this.sum(x, axes), this.scalar(1 / count));
  }

  /** The maximum over one axis, kept as extent 1, as a constant: no gradient flows through it. */
  constantMax(x: Value, axis: number): Value {
    const shape = x.shape.map((n, i) => (i === axis ? 1 : n));
    return { name: this.onnx.node("ReduceMax", [x.name], { axes: [axis] }), shape };
  }

  /** A constant 0/1 tensor: where `x` equals `y` (broadcast). No gradient. */
  equal(x: Value, y: Value): Value {
    const name = this.onnx.node("Cast", [this.onnx.node("Equal", [x.name, y.name])], { to: 1 });
    return { name, shape: broadcastShape(x.shape, y.shape) };
  }

  /** The opposite of {@link Tape.equal}. */
  notEqual(x: Value, y: Value): Value {
    const same = this.equal(x, y);
    return { name: this.onnx.node("Sub", [this.onnx.scalar(1), same.name]), shape: same.shape };
  }

  /** Channel 0 of a constant [n, c, …] tensor, as extent 1. */
  firstChannel(x: Value): Value {
    const name = this.onnx.node("Slice", [x.name, ...[0, 1, 1].map((i) => this.onnx.integers([i]))]);
    return { name, shape: [x.shape[0]!, 1, ...x.shape.slice(2)] };
  }

  reshape(x: Value, shape: readonly number[]): Value {
    if (elementCount(shape) !== elementCount(x.shape)) {
      throw new InvalidArgumentError("shape", `one of ${elementCount(x.shape)} elements`, shape);
    }
    return this.record(this.onnx.node("Reshape", [x.name, this.onnx.integers(shape)]), shape, [x], (g) => [
      this.onnx.node("Reshape", [g, this.onnx.integers(x.shape)]),
    ]);
  }

  /**
   * The derivative of a scalar by each of `wanted`, as ONNX tensor names of the same shapes.
   *
   * @throws {InvalidArgumentError} if the loss does not depend on one of them
   */
  gradients(loss: Value, wanted: readonly Value[]): string[] {
    if (loss.shape.length !== 0) throw new InvalidArgumentError("loss", "a scalar", loss.shape);
    const gradients = new Map<string, string>([[loss.name, this.onnx.scalar(1)]]);
    for (const { output, inputs, backward } of [...this.#records].reverse()) {
      const gradient = gradients.get(output.name);
      if (gradient === undefined) continue;
      const parts = backward(gradient);
      for (const [i, input] of inputs.entries()) {
        const part = parts[i];
        if (part === undefined || !this.isTracked(input)) continue;
        const known = gradients.get(input.name);
        gradients.set(input.name, known === undefined ? part : this.onnx.node("Add", [known, part]));
      }
    }
    return wanted.map((value) => {
      const gradient = gradients.get(value.name);
      if (gradient === undefined)
        throw new InvalidArgumentError("wanted", "values that the loss depends on", value.name);
      return gradient;
    });
  }

  #broadcasting(
    op: string,
    a: Value,
    b: Value,
    backward: (g: string, output: string) => readonly [string, string],
  ): Value {
    const shape = broadcastShape(a.shape, b.shape);
    const name = this.onnx.node(op, [a.name, b.name]);
    return this.record(name, shape, [a, b], (g) => {
      const [byA, byB] = backward(g, name);
      return [
        this.isTracked(a) ? this.#reduceTo(byA, shape, a.shape) : undefined,
        this.isTracked(b) ? this.#reduceTo(byB, shape, b.shape) : undefined,
      ];
    });
  }

  /** Undoes broadcasting: sums a gradient over the axes along which its value was repeated. */
  #reduceTo(gradient: string, from: readonly number[], to: readonly number[]): string {
    const lead = from.length - to.length;
    const axes = from
      .map((n, axis) => (axis < lead || (to[axis - lead] === 1 && n !== 1) ? axis : -1))
      .filter((a) => a >= 0);
    if (axes.length === 0) return gradient;
    const summed = this.onnx.node("ReduceSum", [gradient, this.onnx.integers(axes)]);
    return lead > 0 ? this.onnx.node("Reshape", [summed, this.onnx.integers(to)]) : summed;
  }
}

function broadcastShape(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const x = a[a.length - rank + i] ?? 1;
    const y = b[b.length - rank + i] ?? 1;
    if (x !== y && x !== 1 && y !== 1) throw new InvalidArgumentError("shapes", "broadcastable shapes", [a, b]);
    return Math.max(x, y);
  });
}
