import { onceComputed } from "./execution-order.ts";
import { elementCount, InvalidArgumentError } from "@nnunet/core";
import type { OnnxGraph } from "@nnunet/unet-model";
import type { Tape, Value } from "../losses/tape.ts";

/** A tensor of the training graph: its ONNX name and its static shape. */
export interface OnnxValue extends Value {
  readonly name: string;
}

/** Given the gradient of the loss by an operation's output, the gradients by its inputs (undefined: not needed). */
export type Backward = (gradient: string) => readonly (string | undefined)[];

interface TapeRecord {
  readonly output: OnnxValue;
  readonly inputs: readonly OnnxValue[];
  readonly backward: Backward;
}

/**
 * Writes a forward computation into an ONNX graph and remembers how to differentiate it: reverse-mode automatic
 * differentiation where both passes end up as nodes of the same graph.
 *
 * Operations with a lowering of their own (convolution, instance norm) call {@link OnnxTape.record}.
 *
 * @example
 * const loss = tape.mean(tape.multiply(error, error));
 * const [gradient] = tape.gradients(loss, [weight]);
 */
export class OnnxTape implements Tape<OnnxValue> {
  readonly #records: TapeRecord[] = [];
  readonly #tracked = new Set<string>();

  #scalarsAfter: string | undefined;

  constructor(readonly onnx: OnnxGraph) {}

  /** From here on constants are not to be had before `value` is computed: nor is what is made with them. */
  holdScalarsUntil(value: OnnxValue): void {
    this.#scalarsAfter = value.name;
  }

  /** A graph input; `differentiable` ones can be asked for their gradient. */
  input(
    name: string,
    shape: readonly number[],
    options: { differentiable?: boolean; type?: "float32" | "int32" } = {},
  ): OnnxValue {
    this.onnx.input(name, options.type ?? "float32", shape);
    if (options.differentiable) this.#tracked.add(name);
    return { name, shape };
  }

  /** A tensor made by nodes already added, that gradients can be asked for. */
  parameter(name: string, shape: readonly number[]): OnnxValue {
    this.#tracked.add(name);
    return { name, shape };
  }

  scalar(value: number): OnnxValue {
    const name = this.onnx.scalar(value);
    return { name: this.#scalarsAfter ? onceComputed(this.onnx, name, [], this.#scalarsAfter) : name, shape: [] };
  }

  floats(values: readonly number[], shape: readonly number[]): OnnxValue {
    return { name: this.onnx.floats(values, shape), shape };
  }

  integer(value: number): OnnxValue {
    return { name: this.onnx.int32s([value], []), shape: [] };
  }

  integers(values: readonly number[], shape: readonly number[]): OnnxValue {
    return { name: this.onnx.int32s(values, shape), shape };
  }

  isTracked(value: OnnxValue): boolean {
    return this.#tracked.has(value.name);
  }

  /** Declares `name` to be computed from `inputs` by nodes already added. */
  record(name: string, shape: readonly number[], inputs: readonly OnnxValue[], backward: Backward): OnnxValue {
    const output = { name, shape };
    if (inputs.some((i) => this.isTracked(i))) {
      this.#tracked.add(name);
      this.#records.push({ output, inputs, backward });
    }
    return output;
  }

  add(a: OnnxValue, b: OnnxValue): OnnxValue {
    return this.#broadcasting("Add", a, b, (g) => [g, g]);
  }

  subtract(a: OnnxValue, b: OnnxValue): OnnxValue {
    return this.#broadcasting("Sub", a, b, (g) => [g, this.onnx.node("Neg", [g])]);
  }

  multiply(a: OnnxValue, b: OnnxValue): OnnxValue {
    return this.#broadcasting("Mul", a, b, (g) => [
      this.onnx.node("Mul", [g, b.name]),
      this.onnx.node("Mul", [g, a.name]),
    ]);
  }

  divide(a: OnnxValue, b: OnnxValue): OnnxValue {
    return this.#broadcasting("Div", a, b, (g, quotient) => {
      const byA = this.onnx.node("Div", [g, b.name]);
      return [byA, this.onnx.node("Neg", [this.onnx.node("Mul", [byA, quotient])])];
    });
  }

  sqrt(x: OnnxValue): OnnxValue {
    const y = this.onnx.node("Sqrt", [x.name]);
    return this.record(y, x.shape, [x], (g) => [
      this.onnx.node("Div", [g, this.onnx.node("Mul", [y, this.onnx.scalar(2)])]),
    ]);
  }

  exp(x: OnnxValue): OnnxValue {
    const y = this.onnx.node("Exp", [x.name]);
    return this.record(y, x.shape, [x], (g) => [this.onnx.node("Mul", [g, y])]);
  }

  log(x: OnnxValue): OnnxValue {
    return this.record(this.onnx.node("Log", [x.name]), x.shape, [x], (g) => [this.onnx.node("Div", [g, x.name])]);
  }

  softplus(x: OnnxValue): OnnxValue {
    return this.record(this.onnx.node("Softplus", [x.name]), x.shape, [x], (g) => [
      this.onnx.node("Mul", [g, this.onnx.node("Sigmoid", [x.name])]),
    ]);
  }

  sigmoid(x: OnnxValue): OnnxValue {
    const y = this.onnx.node("Sigmoid", [x.name]);
    return this.record(y, x.shape, [x], (g) => {
      const slope = this.onnx.node("Mul", [y, this.onnx.node("Sub", [this.onnx.scalar(1), y])]);
      return [this.onnx.node("Mul", [g, slope])];
    });
  }

  atLeast(x: OnnxValue, floor: number): OnnxValue {
    return this.record(this.onnx.node("Max", [x.name, this.onnx.scalar(floor)]), x.shape, [x], (g) => {
      const above = this.onnx.node("Cast", [this.onnx.node("Greater", [x.name, this.onnx.scalar(floor)])], { to: 1 });
      return [this.onnx.node("Mul", [g, above])];
    });
  }

  atMost(x: OnnxValue, ceiling: number): OnnxValue {
    return this.record(this.onnx.node("Min", [x.name, this.onnx.scalar(ceiling)]), x.shape, [x], (g) => {
      const below = this.onnx.node("Cast", [this.onnx.node("Less", [x.name, this.onnx.scalar(ceiling)])], { to: 1 });
      return [this.onnx.node("Mul", [g, below])];
    });
  }

  sum(x: OnnxValue, axes?: readonly number[]): OnnxValue {
    if (!axes) {
      const name = this.onnx.node("ReduceSum", [x.name], { keepdims: 0 });
      return this.record(name, [], [x], (g) => [this.onnx.node("Expand", [g, this.onnx.integers(x.shape)])]);
    }
    const shape = x.shape.map((n, axis) => (axes.includes(axis) ? 1 : n));
    const name = this.onnx.node("ReduceSum", [x.name, this.onnx.integers(axes)]);
    return this.record(name, shape, [x], (g) => [this.onnx.node("Expand", [g, this.onnx.integers(x.shape)])]);
  }

  mean(x: OnnxValue, axes?: readonly number[]): OnnxValue {
    const count = axes ? elementCount(axes.map((axis) => x.shape[axis]!)) : elementCount(x.shape);
    return this.multiply(this.sum(x, axes), this.scalar(1 / count));
  }

  constantMax(x: OnnxValue, axis: number): OnnxValue {
    const shape = x.shape.map((n, i) => (i === axis ? 1 : n));
    return { name: this.onnx.node("ReduceMax", [x.name], { axes: [axis] }), shape };
  }

  constantLargest(x: OnnxValue, k: number): OnnxValue {
    const flat = this.onnx.node("Reshape", [x.name, this.onnx.integers([-1])]);
    const [values] = this.onnx.nodeWithOutputs(
      "TopK",
      [flat, this.onnx.integers([k])],
      [this.onnx.fresh("TopK"), this.onnx.fresh("TopK")],
    );
    const last = this.onnx.node("Slice", [values!, ...[k - 1, k, 0].map((i) => this.onnx.integers([i]))]);
    return { name: this.onnx.node("Reshape", [last, this.onnx.integers([])]), shape: [] };
  }

  argMax(x: OnnxValue, axis: number): OnnxValue {
    const shape = x.shape.map((n, i) => (i === axis ? 1 : n));
    return { name: this.onnx.node("Cast", [this.onnx.node("ArgMax", [x.name], { axis })], { to: 6 }), shape };
  }

  equal(x: OnnxValue, y: OnnxValue): OnnxValue {
    const name = this.onnx.node("Cast", [this.onnx.node("Equal", [x.name, y.name])], { to: 1 });
    return { name, shape: broadcastShape(x.shape, y.shape) };
  }

  notEqual(x: OnnxValue, y: OnnxValue): OnnxValue {
    const same = this.equal(x, y);
    return { name: this.onnx.node("Sub", [this.onnx.scalar(1), same.name]), shape: same.shape };
  }

  greater(x: OnnxValue, y: OnnxValue): OnnxValue {
    const name = this.onnx.node("Cast", [this.onnx.node("Greater", [x.name, y.name])], { to: 1 });
    return { name, shape: broadcastShape(x.shape, y.shape) };
  }

  firstChannel(x: OnnxValue): OnnxValue {
    const name = this.onnx.node("Slice", [x.name, ...[0, 1, 1].map((i) => this.onnx.integers([i]))]);
    return { name, shape: [x.shape[0]!, 1, ...x.shape.slice(2)] };
  }

  reshape(x: OnnxValue, shape: readonly number[]): OnnxValue {
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
  gradients(loss: OnnxValue, wanted: readonly OnnxValue[]): string[] {
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
    a: OnnxValue,
    b: OnnxValue,
    backward: (g: string, output: string) => readonly [string, string],
  ): OnnxValue {
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
