import { InvalidArtifactError, type ProtobufField, protobufText, show } from "@nnunet/core";
import { type Fields, integers, type Message, readMessage, readName, refuse } from "./read-message.ts";
import { readWeight, type Weight } from "./read-weight.ts";

/** An attribute of a node: of the kinds that exist, those that hold plain numbers or a text. */
export type Attribute = number | string | readonly number[];

export interface GraphNode {
  readonly operator: string;
  readonly inputs: readonly string[];
  readonly output: string;
  readonly attributes: ReadonlyMap<string, Attribute>;
}

/** The network of a model.onnx, as far as a network of nnunet-ts goes. */
export interface Graph {
  /** In the order of the file, which is one in which they can be computed. */
  readonly nodes: readonly GraphNode[];
  readonly weights: ReadonlyMap<string, Weight>;
  readonly input: string;
  readonly output: string;
  /** Every free text of the file beside its metadata, by its place: who made it, descriptions, names of the graph. */
  readonly texts: ReadonlyMap<string, string>;
}

// Numbers and names of onnx.proto. What is missing here is refused: above all what can hold code (functions, subgraphs),
// another file's bytes (external_data) or tensors in other forms (sparse, strings).
const modelFields: Fields = {
  1: "ir_version#",
  2: "producer_name",
  3: "producer_version",
  4: "domain",
  5: "model_version#",
  6: "doc_string",
  7: "graph",
  8: "opset_import*",
  14: "metadata_props*",
};
const graphFields: Fields = {
  1: "node*",
  2: "name",
  5: "initializer*",
  10: "doc_string",
  11: "input*",
  12: "output*",
  13: "value_info*",
};
const nodeFields: Fields = {
  1: "input*",
  2: "output*",
  3: "name",
  4: "op_type",
  5: "attribute*",
  6: "doc_string",
  7: "domain",
};
const attributeFields: Fields = { 1: "name", 2: "f~", 3: "i#", 4: "s", 8: "ints#*", 20: "type#" };
const opsetFields: Fields = { 1: "domain", 2: "version#" };
const portFields: Fields = { 1: "name", 2: "type" };

/** Versions of ONNX's operators whose meaning here is that of version 17, which we write. */
const opsets = { lowest: 13, highest: 22 };
const mostNodes = 100_000;
/**
 * Reads the whole protobuf of a model, every message of it, and refuses what no model of nnunet-ts holds.
 *
 * @param path - named in errors
 * @throws {InvalidArtifactError} naming the first field that does not belong there
 */
export function readGraph(bytes: Uint8Array, path: string): Graph {
  const texts = new Map<string, string>();
  const model = readMessage(bytes, path, "model", modelFields);
  for (const key of ["producer_name", "producer_version", "domain", "doc_string"])
    keepText(texts, model, path, key, key);
  checkOpsets(model.get("opset_import") ?? [], path);
  const [whole] = model.get("graph") ?? [];
  if (!whole?.bytes) throw new InvalidArtifactError(path, "graph", "is missing; export the model again");
  const graph = readMessage(whole.bytes, path, "graph", graphFields);
  keepText(texts, graph, path, "name", "graph.name");
  keepText(texts, graph, path, "doc_string", "graph.doc_string");

  const nodes = (graph.get("node") ?? []).map(({ bytes: node }, i) => readNode(node!, path, `graph.node[${i}]`, texts));
  if (nodes.length > mostNodes) {
    throw new InvalidArtifactError(path, "graph.node", `has ${nodes.length} nodes; at most ${mostNodes} are read`);
  }
  const weights = new Map<string, Weight>();
  for (const [i, { bytes: tensor }] of (graph.get("initializer") ?? []).entries()) {
    const weight = readWeight(tensor!, path, `graph.initializer[${i}]`);
    if (weights.has(weight.name)) refuse(path, `graph.initializer.${weight.name}`, "is there twice");
    weights.set(weight.name, weight);
  }
  return { nodes, weights, input: onlyPort(graph, path, "input"), output: onlyPort(graph, path, "output"), texts };
}

function keepText(texts: Map<string, string>, message: Message, path: string, key: string, where: string): void {
  const bytes = message.get(key)?.[0]?.bytes;
  if (bytes && bytes.length > 0) texts.set(where, protobufText(bytes, path, where));
}

function checkOpsets(imports: readonly ProtobufField[], path: string): void {
  const { lowest, highest } = opsets;
  for (const { bytes } of imports) {
    const opset = readMessage(bytes!, path, "opset_import", opsetFields);
    const domain = protobufText(opset.get("domain")?.[0]?.bytes ?? new Uint8Array(), path, "opset_import.domain");
    if (domain !== "") refuse(path, "opset_import", `names the operators of ${show(domain)}; only ONNX's own are run`);
    const version = opset.get("version")?.[0]?.value ?? 0;
    if (!(version >= lowest && version <= highest)) {
      refuse(path, "opset_import", `expected version ${lowest}–${highest} of ONNX's operators, got ${version}`);
    }
  }
  if (imports.length !== 1) refuse(path, "opset_import", `expected one set of operators, got ${imports.length}`);
}

function readNode(bytes: Uint8Array, path: string, where: string, texts: Map<string, string>): GraphNode {
  const node = readMessage(bytes, path, where, nodeFields);
  const operator = readName(node.get("op_type")?.[0], path, `${where}.op_type`);
  const domain = node.get("domain")?.[0]?.bytes;
  if (domain && domain.length > 0) {
    const name = protobufText(domain, path, where);
    refuse(path, where, `the operator ${show(operator)} is of ${show(name)}; only ONNX's own are run`);
  }
  keepText(texts, node, path, "doc_string", `${where}.doc_string`);
  const names = (key: string) => (node.get(key) ?? []).map((field) => readName(field, path, `${where}.${key}`));
  const [output, ...more] = names("output");
  if (output === undefined || more.length > 0) {
    return refuse(
      path,
      where,
      `${show(operator)} must have one output, it has ${output === undefined ? 0 : more.length + 1}`,
    );
  }
  const attributes = new Map<string, Attribute>();
  for (const { bytes: attribute } of node.get("attribute") ?? []) {
    const [name, value] = readAttribute(attribute!, path, `${where}.attribute`);
    if (attributes.has(name)) refuse(path, `${where}.attribute.${name}`, "is there twice");
    attributes.set(name, value);
  }
  return { operator, inputs: names("input"), output, attributes };
}

function readAttribute(bytes: Uint8Array, path: string, where: string): [name: string, value: Attribute] {
  const attribute = readMessage(bytes, path, where, attributeFields);
  const name = readName(attribute.get("name")?.[0], path, where);
  const type = attribute.get("type")?.[0]?.value;
  const [float] = attribute.get("f") ?? [];
  const [integer] = attribute.get("i") ?? [];
  const [text] = attribute.get("s") ?? [];
  // AttributeProto.type says which of the fields counts
  if (type === 1) return [name, float?.bytes?.length === 4 ? float32(float.bytes) : 0];
  if (type === 2) return [name, integer?.value ?? 0];
  if (type === 3) return [name, text?.bytes ? protobufText(text.bytes, path, `${where}.${name}`) : ""];
  if (type === 7) return [name, integers(attribute.get("ints") ?? [], path, `${where}.${name}`)];
  return refuse(path, `${where}.${name}`, "expected a number, a text or a list of integers");
}

function float32(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset, 4).getFloat32(0, true);
}

function onlyPort(graph: Message, path: string, kind: "input" | "output"): string {
  const ports = (graph.get(kind) ?? []).map(({ bytes }) => {
    return readName(readMessage(bytes!, path, `graph.${kind}`, portFields).get("name")?.[0], path, `graph.${kind}`);
  });
  if (ports.length === 1) return ports[0]!;
  return refuse(path, `graph.${kind}`, `expected one, got ${ports.length === 0 ? "none" : ports.map(show).join(", ")}`);
}
