import { type Architecture, elementCount, type NetworkBuilder } from "@nnunet/core";
import { type NetworkGraph, type NetworkNode, type NetworkSize, parametersOf } from "./network-graph.ts";

/**
 * What any network must keep to, ours or yours: a graph that can be computed in order, whose sizes fit, whose parameters are
 * all used, and that is the same each time. Lists every violation, so that a test of any framework can expect an empty list.
 *
 * @example expect(networkConformance(myNetwork, architecture, { inputChannels: 1, outputChannels: 3, patchSize })).toEqual([]);
 */
export function networkConformance(network: NetworkBuilder, architecture: Architecture, size: NetworkSize): string[] {
  const before = JSON.stringify([architecture, size]);
  const graph = network.build(architecture, size);
  const problems = graphProblems(graph, size);
  if (JSON.stringify(network.build(architecture, size)) !== JSON.stringify(graph)) {
    problems.push("building twice gives two different networks");
  }
  if (JSON.stringify([architecture, size]) !== before) problems.push("building changes its input");
  return problems;
}

/** What is wrong with a graph for data of this size; empty where it can be trained. */
export function graphProblems(graph: NetworkGraph, size: NetworkSize): string[] {
  const { inputChannels, outputChannels, patchSize } = size;
  if (typeof graph !== "object" || graph === null || !("nodes" in graph)) {
    return ["its build() returns no graph; end it with `return b.graph(input, heads)` of a GraphBuilder"];
  }
  const { input, nodes, outputs, parameters } = graph;
  const problems: string[] = [];
  if (input.channels !== inputChannels || !same(input.spatial, patchSize)) {
    problems.push(
      `the input is ${shown(input)}, the data are ${shown({ channels: inputChannels, spatial: patchSize })}`,
    );
  }
  const shapes = new Map(parameters.map(({ name, shape }) => [name, shape]));
  if (shapes.size < parameters.length) problems.push("two parameters have one name");
  const made = new Map([[input.id, input]]);
  const used = new Set<string>();
  for (const [i, node] of nodes.entries()) {
    const name = `node ${i} (${node.kind})`;
    for (const { id } of "inputs" in node ? node.inputs : [node.input]) {
      if (!made.has(id)) problems.push(`${name} reads value ${id}, which no node before it makes`);
    }
    if (made.has(node.output.id)) problems.push(`${name} makes value ${node.output.id} a second time`);
    made.set(node.output.id, node.output);
    problems.push(...sizeProblems(node).map((problem) => `${name} ${problem}`));
    for (const [parameter, shape] of expectedShapes(node)) {
      const found = shapes.get(parameter);
      if (used.has(parameter)) problems.push(`${name} uses ${parameter}, which another node uses`);
      used.add(parameter);
      if (!found) problems.push(`${name} uses ${parameter}, which is no parameter of the network`);
      else if (!same(found, shape)) problems.push(`${parameter} has shape [${found}], ${name} needs [${shape}]`);
    }
  }
  for (const { name } of parameters) if (!used.has(name)) problems.push(`no node uses the parameter ${name}`);
  if (outputs.length === 0) problems.push("there is no output");
  for (const [i, output] of outputs.entries()) {
    if (!made.has(output.id)) problems.push(`no node makes output ${i}`);
    if (output.channels !== outputChannels) {
      problems.push(`output ${i} has ${output.channels} channels for ${outputChannels} classes or regions`);
    }
    const larger = i === 0 ? patchSize : outputs[i - 1]!.spatial;
    const fits = output.spatial.every((n, axis) => (i === 0 ? n === larger[axis] : n <= larger[axis]!));
    if (!fits)
      problems.push(
        `output ${i} is ${shown(output)}${i === 0 ? ", not of the size of the patch" : ", larger than the one before"}`,
      );
  }
  return problems;
}

const same = (a: readonly number[], b: readonly number[]) => a.length === b.length && a.every((n, i) => n === b[i]);
const shown = ({ channels, spatial }: { channels: number; spatial: readonly number[] }) =>
  `${channels} × ${spatial.join(" × ")}`;

function sizeProblems(node: NetworkNode): string[] {
  const { output } = node;
  const problems: string[] = [];
  const expect = (channels: number, spatial: readonly number[]) => {
    if (output.channels === channels && same(output.spatial, spatial)) return;
    problems.push(`makes ${shown({ channels, spatial })}, not ${shown(output)}`);
  };
  if (elementCount([output.channels, ...output.spatial]) % 1 !== 0) problems.push("has an output of broken size");
  switch (node.kind) {
    case "conv":
      if (!node.kernel.every((k) => k % 2 === 1)) problems.push(`has an even kernel [${node.kernel}]`);
      expect(
        output.channels,
        node.input.spatial.map((n, axis) => n / node.stride[axis]!),
      );
      break;
    case "averagePool":
      expect(
        node.input.channels,
        node.input.spatial.map((n, axis) => n / node.stride[axis]!),
      );
      break;
    case "upConv":
      expect(
        output.channels,
        node.input.spatial.map((n, axis) => n * node.stride[axis]!),
      );
      break;
    case "concat":
      expect(
        node.inputs.reduce((sum, { channels }) => sum + channels, 0),
        node.inputs[0]!.spatial,
      );
      if (!node.inputs.every(({ spatial }) => same(spatial, node.inputs[0]!.spatial))) problems.push("joins two sizes");
      break;
    case "add":
      for (const each of node.inputs) expect(each.channels, each.spatial);
      break;
    default:
      expect(node.input.channels, node.input.spatial);
  }
  return problems;
}

function expectedShapes(node: NetworkNode): [name: string, shape: readonly number[]][] {
  const channels = node.output.channels;
  if (node.kind !== "conv" && node.kind !== "upConv") return parametersOf(node).map((name) => [name, [channels]]);
  const weight =
    node.kind === "conv"
      ? [channels, node.input.channels, ...node.kernel]
      : [node.input.channels, channels, ...node.stride];
  return [[node.weight, weight], ...(node.bias === undefined ? [] : [[node.bias, [channels]] as [string, number[]]])];
}
