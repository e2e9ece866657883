import { elementCount } from "@nnunet/core";
import type { Attribute } from "./read-graph.ts";

/** What a rule sees of a node: the shapes of its inputs, their values where they are stored integers, its attributes. */
export interface NodeInputs {
  readonly shapes: readonly (readonly number[])[];
  readonly integers: readonly (readonly number[] | undefined)[];
  readonly attributes: ReadonlyMap<string, Attribute>;
}

export interface OperatorRule {
  /** Fewest and most inputs. */
  readonly inputs: readonly [number, number];
  /** Names of the attributes that it may have. */
  readonly attributes?: readonly string[];
  /** Shape of the output, undefined if the inputs do not fit together. */
  shape(node: NodeInputs): readonly number[] | undefined;
}

const many = 64;
const sameShape: OperatorRule = { inputs: [1, 1], shape: ({ shapes }) => shapes[0] };
const broadcast = (least: number, most: number): OperatorRule => ({
  inputs: [least, most],
  shape: ({ shapes }) => shapes.reduce<readonly number[] | undefined>((a, b) => a && broadcastShape(a, b), []),
});

/**
 * The operators that a model of nnunet-ts is made of (`writeOnnxModel`; its tests compare), and Mul, their sister. Each
 * makes one tensor whose shape follows from the shapes of its inputs alone, so that size and memory of a whole network
 * are known before it runs: no loops, no branches, nothing that makes tensors out of numbers.
 */
export const operators: ReadonlyMap<string, OperatorRule> = new Map<string, OperatorRule>([
  ["Conv", { inputs: [2, 3], attributes: ["kernel_shape", "strides", "pads", "dilations", "group"], shape: convShape }],
  ["AveragePool", { inputs: [1, 1], attributes: ["kernel_shape", "strides"], shape: poolShape }],
  [
    "InstanceNormalization",
    {
      inputs: [3, 3],
      attributes: ["epsilon"],
      shape: ({ shapes: [x, scale, bias] }) =>
        x!.length > 2 && same(scale!, [x![1]!]) && same(bias!, [x![1]!]) ? x : undefined,
    },
  ],
  ["ReduceMean", { inputs: [1, 1], attributes: ["axes"], shape: reducedShape }],
  ["ReduceSumSquare", { inputs: [1, 1], attributes: ["axes"], shape: reducedShape }],
  ["Sqrt", sameShape],
  ["LeakyRelu", { ...sameShape, attributes: ["alpha"] }],
  ["Sigmoid", sameShape],
  ["Log", sameShape],
  ["Softmax", { ...sameShape, attributes: ["axis"] }],
  ["Add", broadcast(2, 2)],
  ["Sub", broadcast(2, 2)],
  ["Mul", broadcast(2, 2)],
  ["Div", broadcast(2, 2)],
  ["Sum", broadcast(1, many)],
  ["Max", broadcast(1, many)],
  ["MatMul", { inputs: [2, 2], shape: ({ shapes }) => matMulShape(shapes[0]!, shapes[1]!) }],
  ["Concat", { inputs: [1, many], attributes: ["axis"], shape: concatShape }],
  ["Transpose", { inputs: [1, 1], attributes: ["perm"], shape: transposeShape }],
  ["Reshape", { inputs: [2, 2], shape: reshapeShape }],
]);

const same = (a: readonly number[], b: readonly number[]) => a.length === b.length && a.every((n, i) => n === b[i]);

function broadcastShape(a: readonly number[], b: readonly number[]): number[] | undefined {
  const length = Math.max(a.length, b.length);
  const shape: number[] = [];
  for (let i = 0; i < length; i++) {
    const [m, n] = [a[a.length - length + i] ?? 1, b[b.length - length + i] ?? 1];
    if (m !== n && m !== 1 && n !== 1) return undefined;
    shape.push(m === 1 ? n : m);
  }
  return shape;
}

/** A list attribute of integers within bounds; the default where it is left out, undefined where it does not fit. */
function list(
  node: NodeInputs,
  name: string,
  otherwise: readonly number[],
  lowest: number,
): readonly number[] | undefined {
  const value = node.attributes.get(name) ?? otherwise;
  if (!Array.isArray(value) || value.length !== otherwise.length) return undefined;
  return value.every((n) => Number.isInteger(n) && n >= lowest && n < 2 ** 20) ? value : undefined;
}

function windows(node: NodeInputs, size: readonly number[], kernel: readonly number[]): number[] | undefined {
  const ones = size.map(() => 1);
  const strides = list(node, "strides", ones, 1);
  const dilations = list(node, "dilations", ones, 1);
  const pads = list(
    node,
    "pads",
    [...size, ...size].map(() => 0),
    0,
  );
  if (!strides || !dilations || !pads) return undefined;
  const out = size.map((n, i) => {
    const reach = dilations[i]! * (kernel[i]! - 1) + 1;
    return Math.floor((n + pads[i]! + pads[size.length + i]! - reach) / strides[i]!) + 1;
  });
  return out.every((n) => n >= 1) ? out : undefined;
}

function convShape(node: NodeInputs): number[] | undefined {
  const [x, w, bias] = node.shapes;
  const [n, channels, ...size] = x!;
  const [features, perGroup, ...kernel] = w!;
  if (size.length === 0 || kernel.length !== size.length || perGroup !== channels) return undefined;
  if ((node.attributes.get("group") ?? 1) !== 1 || (bias && !same(bias, [features!]))) return undefined;
  if (!same(list(node, "kernel_shape", kernel, 1) ?? [], kernel)) return undefined;
  const out = windows(node, size, kernel);
  return out && [n!, features!, ...out];
}

function poolShape(node: NodeInputs): number[] | undefined {
  const [n, channels, ...size] = node.shapes[0]!;
  const kernel = node.attributes.has("kernel_shape") ? list(node, "kernel_shape", size, 1) : undefined;
  const out = size.length > 0 && kernel ? windows(node, size, kernel) : undefined;
  return out && [n!, channels!, ...out];
}

/** One along the axes that are summed up; without any it would be along all of them. */
function reducedShape({ shapes: [x], attributes }: NodeInputs): number[] | undefined {
  const axes = attributes.get("axes");
  if (!Array.isArray(axes) || axes.length === 0 || axes.some((axis) => !(axis in x!))) return undefined;
  return x!.map((n, axis) => (axes.includes(axis) ? 1 : n));
}

function matMulShape(a: readonly number[], b: readonly number[]): number[] | undefined {
  if (a.length < 2 || b.length < 2 || a.at(-1) !== b.at(-2)) return undefined;
  const batch = broadcastShape(a.slice(0, -2), b.slice(0, -2));
  return batch && [...batch, a.at(-2)!, b.at(-1)!];
}

function concatShape({ shapes, attributes }: NodeInputs): number[] | undefined {
  const [first] = shapes;
  const axis = attributes.get("axis");
  if (typeof axis !== "number" || !(axis >= 0 && axis < first!.length)) return undefined;
  const others = (shape: readonly number[]) => shape.map((n, i) => (i === axis ? 0 : n));
  if (!shapes.every((shape) => same(others(shape), others(first!)))) return undefined;
  return first!.map((n, i) => (i === axis ? shapes.reduce((sum, shape) => sum + shape[axis]!, 0) : n));
}

function transposeShape({ shapes, attributes }: NodeInputs): number[] | undefined {
  const [shape] = shapes;
  const order = attributes.get("perm") ?? shape!.map((_, i) => shape!.length - 1 - i);
  if (!Array.isArray(order) || order.length !== shape!.length || new Set(order).size !== order.length) return undefined;
  return order.every((axis) => axis in shape!) ? order.map((axis) => shape![axis]!) : undefined;
}

function reshapeShape({ shapes, integers }: NodeInputs): number[] | undefined {
  const wanted = integers[1];
  if (!wanted || wanted.length > 16) return undefined;
  const shape = wanted.map((n, axis) => (n === 0 ? (shapes[0]![axis] ?? -2) : n));
  const free = shape.indexOf(-1);
  if (free !== -1) shape[free] = elementCount(shapes[0]!) / elementCount(shape.filter((_, i) => i !== free));
  const fits = shape.every((n) => Number.isInteger(n) && n >= 0) && elementCount(shape) === elementCount(shapes[0]!);
  return fits ? shape : undefined;
}
