import { elementCount, inputChannels, InvalidArtifactError, labelSet, type ModelMetadata, show } from "@nnunet/core";
import { operators } from "./operators.ts";
import type { Graph, GraphNode } from "./read-graph.ts";
import { refuse } from "./read-message.ts";
import type { Weight } from "./read-weight.ts";

/** Live feature maps over those of the largest stage: real networks of all kinds stay below 6 (see the tests). */
const MEMORY_FACTOR = 10;
/** Elements that any network may hold, however small its patch. */
const ALWAYS_ALLOWED = 2 ** 22;

/** Multiplications over those of the plan's U-Net as {@link workAllowed} counts them: real networks stay below 1. */
const WORK_FACTOR = 4;
/** Multiplications that any network may take: about a second. */
const WORK_ALWAYS_ALLOWED = 2 ** 31;

/**
 * Goes through the network node by node and works out the shape of every tensor, as a run of one patch and of two
 * would make them: only operators of {@link operators}, from "input" to "logits" of the shapes that plans and dataset
 * say, float32 throughout, and never holding more than a network of this architecture needs.
 *
 * @throws {InvalidArtifactError} naming the first node that is something else
 */
export function checkNetwork(graph: Graph, metadata: ModelMetadata, path: string): void {
  const { patchSize } = metadata.plans.configurations[metadata.configuration]!;
  const channels = inputChannels(metadata);
  const expected = ["n", labelSet(metadata.dataset).outputChannels, ...patchSize];
  if (graph.input !== "input") refuse(path, "input", `expected a tensor of this name, got only ${show(graph.input)}`);
  if (graph.output !== "logits")
    refuse(path, "logits", `expected a tensor of this name, got only ${show(graph.output)}`);
  const most = { live: memoryAllowed(metadata), work: workAllowed(metadata) };
  const [one, two] = [1, 2].map((n) => {
    const limits = { live: n * most.live, work: n * most.work };
    return logitsShape(graph, [n, channels, ...patchSize], limits, path);
  });
  const open = one!.map((n, axis) => (axis === 0 && n === 1 && two![0] === 2 ? "n" : n));
  const growsElsewhere = two!.some((n, axis) => axis > 0 && n !== one![axis]);
  if (growsElsewhere || open.length !== expected.length || open.some((n, axis) => n !== expected[axis])) {
    throw new InvalidArtifactError(
      path,
      "logits",
      `expected a tensor of shape [${expected.join(", ")}] as plans and dataset say, got [${open.join(", ")}]; export the model again`,
    );
  }
}

/** Elements that a network of this architecture may hold at a time, for one patch. */
export function memoryAllowed(metadata: ModelMetadata): number {
  const { patchSize, architecture } = metadata.plans.configurations[metadata.configuration]!;
  const { outputChannels } = labelSet(metadata.dataset);
  let voxels = elementCount(patchSize);
  let largest = voxels * Math.max(outputChannels, inputChannels(metadata));
  for (const [stage, features] of architecture.featuresPerStage.entries()) {
    voxels /= elementCount(architecture.strides[stage] ?? [1]);
    largest = Math.max(largest, features * voxels);
  }
  // a network of several folds keeps the logits of all
  const kept = metadata.folds.length * outputChannels * elementCount(patchSize);
  return ALWAYS_ALLOWED + MEMORY_FACTOR * largest + 4 * kept;
}

/** Multiplications of a network of this architecture, for one patch, counted generously. */
export function workAllowed(metadata: ModelMetadata): number {
  const { patchSize, architecture } = metadata.plans.configurations[metadata.configuration]!;
  const { featuresPerStage, kernelSizes, convsPerStage, convsPerStageDecoder } = architecture;
  let voxels = elementCount(patchSize);
  let work = 0;
  for (const [stage, features] of featuresPerStage.entries()) {
    voxels /= elementCount(architecture.strides[stage] ?? [1]);
    // a block has two convolutions, and one that projects; the first of a decoder's stage reads the skip as well
    const convs =
      3 * (convsPerStage[stage] ?? 0) + 3 * (convsPerStageDecoder[featuresPerStage.length - 2 - stage] ?? 0) + 3;
    const widest = Math.max(features, featuresPerStage[stage + 1] ?? 0, inputChannels(metadata));
    work += convs * features * widest * elementCount(kernelSizes[stage] ?? [1]) * voxels;
  }
  return WORK_ALWAYS_ALLOWED + WORK_FACTOR * metadata.folds.length * work;
}

/** What a run of one patch takes, in the order of the file: most elements held at a time, and multiplications. */
export function networkCost(graph: Graph, input: readonly number[], path: string): Cost {
  const most = { live: 0, work: 0 };
  runShapes(graph, input, path, ({ live, work }) => {
    most.live = Math.max(most.live, live);
    most.work = work;
  });
  return most;
}

interface Cost {
  readonly live: number;
  readonly work: number;
}

function logitsShape(graph: Graph, input: readonly number[], most: Cost, path: string): readonly number[] {
  return runShapes(graph, input, path, ({ live, work }, node, where) => {
    const beyond = live > most.live ? "more memory" : work > most.work ? "more computing" : undefined;
    if (beyond === undefined) return;
    refuse(path, where, `${show(node.operator)} needs ${beyond} than a network of this plan has any use for`);
  });
}

/** Runs the network on shapes alone. */
function runShapes(
  graph: Graph,
  input: readonly number[],
  path: string,
  onNode: (cost: Cost, node: GraphNode, where: string) => void,
): readonly number[] {
  const shapes = new Map<string, readonly number[]>([["input", input]]);
  for (const { name, type, shape } of graph.weights.values()) {
    if (name === "input") refuse(path, `graph.initializer.${name}`, "has the name of the network's input");
    if (type === "float32") shapes.set(name, shape);
  }
  const lastUse = new Map<string, number>();
  for (const [i, node] of graph.nodes.entries()) for (const name of node.inputs) lastUse.set(name, i);
  let live = elementCount(input);
  let work = 0;
  for (const [i, node] of graph.nodes.entries()) {
    const where = `graph.node[${i}]`;
    const shape = outputShape(node, shapes, graph.weights, path, where);
    if (shapes.has(node.output) || graph.weights.has(node.output))
      refuse(path, where, `makes ${show(node.output)} a second time`);
    shapes.set(node.output, shape);
    live += elementCount(shape);
    work += elementCount(shape) * multiplications(node, shapes);
    onNode({ live, work }, node, where);
    for (const name of new Set(node.inputs)) {
      if (lastUse.get(name) === i && !graph.weights.has(name)) live -= elementCount(shapes.get(name)!);
    }
  }
  return shapes.get("logits") ?? refuse(path, "logits", "no node makes this tensor");
}

/** For one element of a node's output. */
function multiplications({ operator, inputs }: GraphNode, shapes: ReadonlyMap<string, readonly number[]>): number {
  if (operator === "Conv") return elementCount(shapes.get(inputs[1]!)!.slice(1));
  if (operator === "MatMul") return shapes.get(inputs[0]!)!.at(-1)!;
  return inputs.length;
}

function outputShape(
  { operator, inputs, attributes }: GraphNode,
  shapes: ReadonlyMap<string, readonly number[]>,
  weights: ReadonlyMap<string, Weight>,
  path: string,
  where: string,
): readonly number[] {
  const rule = operators.get(operator);
  if (!rule) {
    const known = [...operators.keys()].join(", ");
    return refuse(path, where, `the operator ${show(operator)} is not run; a network is made of ${known}`);
  }
  const [fewest, most] = rule.inputs;
  if (inputs.length < fewest || inputs.length > most) {
    refuse(
      path,
      where,
      `expected ${fewest === most ? fewest : `${fewest}–${most}`} inputs of ${operator}, got ${inputs.length}`,
    );
  }
  const foreign = [...attributes.keys()].find((name) => !rule.attributes?.includes(name));
  if (foreign !== undefined) refuse(path, where, `${operator} has the attribute ${show(foreign)}, which is not read`);
  const integers = inputs.map((name) => {
    const weight = weights.get(name);
    return weight?.type === "int64" && weight.bytes.length <= 8 * 16 ? int64s(weight.bytes) : undefined;
  });
  const known = inputs.map((name, i) => {
    // integers say how to reshape, and are nothing to compute with
    const found = operator === "Reshape" && i === 1 ? weights.get(name)?.shape : shapes.get(name);
    return found ?? refuse(path, where, `${operator} reads ${show(name)}, which no earlier node makes as float32`);
  });
  const shape = rule.shape({ shapes: known, integers, attributes });
  if (shape) return shape;
  const got = known.map((one) => `[${one.join(", ")}]`).join(" and ");
  return refuse(path, where, `${operator} cannot work on tensors of shape ${got} with its attributes`);
}

function int64s(bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: bytes.length / 8 }, (_, i) => Number(view.getBigInt64(8 * i, true)));
}
