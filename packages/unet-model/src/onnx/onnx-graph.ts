import { InvalidArgumentError } from "@nnunet/core";
import { ProtobufWriter } from "./protobuf-writer.ts";

export type OnnxElementType = "float32" | "int32" | "int64" | "bool" | "uint8";

/** TensorProto.DataType */
const elementTypes: Record<OnnxElementType, number> = { float32: 1, uint8: 2, int32: 6, int64: 7, bool: 9 };

/** Integers as numbers are ints unless the attribute is named in `floatAttributes`. */
export type OnnxAttribute =
  | number
  | string
  | readonly number[]
  | { readonly float: number }
  | { readonly floats: readonly number[] };

export interface OnnxNode {
  readonly op: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, OnnxAttribute>>;
}

interface OnnxPort {
  readonly name: string;
  readonly type: OnnxElementType;
  readonly shape: readonly (number | string)[];
}

/** The opset that all graphs of this package are written in. */
export const onnxOpset = 17;

/**
 * Collects nodes, weights, inputs and outputs, then encodes them as an ONNX `ModelProto`.
 *
 * @example
 * const graph = new OnnxGraph("double");
 * graph.input("x", "float32", ["n", 3]);
 * graph.output(graph.node("Add", ["x", "x"]), "float32", ["n", 3]);
 * const bytes = graph.encode();
 */
export class OnnxGraph {
  readonly #nodes: OnnxNode[] = [];
  readonly #inputs: OnnxPort[] = [];
  readonly #outputs: OnnxPort[] = [];
  readonly #initializers = new Map<string, { type: OnnxElementType; shape: readonly number[]; bytes: Uint8Array }>();
  readonly #constants = new Map<string, string>();
  /** For each tensor that a Reshape makes: what it is made of. */
  readonly #reshaped = new Map<string, string>();
  #counter = 0;

  readonly #joinsReshapes: boolean;

  /** @param options.joinsReshapes - a Reshape of a Reshape takes the latter's input, and one that nobody reads is left out */
  constructor(
    readonly name: string,
    { joinsReshapes = false }: { readonly joinsReshapes?: boolean } = {},
  ) {
    this.#joinsReshapes = joinsReshapes;
  }

  get nodeCount(): number {
    return this.#nodes.length;
  }

  get nodes(): readonly OnnxNode[] {
    return this.#nodes;
  }

  /** The numbers stored beside the weights. */
  get constants(): readonly { readonly name: string; readonly bytes: Uint8Array }[] {
    return [...this.#constants.values()].map((name) => ({ name, bytes: this.#initializers.get(name)!.bytes }));
  }

  /** A tensor name that is not taken yet. */
  fresh(hint: string): string {
    return `${hint}_${this.#counter++}`;
  }

  input(name: string, type: OnnxElementType, shape: readonly (number | string)[]): string {
    this.#inputs.push({ name, type, shape });
    return name;
  }

  output(name: string, type: OnnxElementType, shape: readonly (number | string)[]): void {
    this.#outputs.push({ name, type, shape });
  }

  /** Adds a node with one output and returns the output's name. */
  node(
    op: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, OnnxAttribute>> = {},
    output: string = this.fresh(op),
    domain = "",
  ): string {
    if (op === "Reshape" && this.#joinsReshapes) {
      const [x, shape] = inputs as readonly [string, string];
      const source = this.#reshaped.get(x) ?? x;
      this.#reshaped.set(output, source);
      this.#nodes.push({ op, domain, inputs: [source, shape], outputs: [output], attributes });
      return output;
    }
    this.#nodes.push({ op, domain, inputs, outputs: [output], attributes });
    return output;
  }

  /** Adds a node with several outputs. */
  nodeWithOutputs(
    op: string,
    inputs: readonly string[],
    outputs: readonly string[],
    attributes: Readonly<Record<string, OnnxAttribute>> = {},
    domain = "",
  ): readonly string[] {
    this.#nodes.push({ op, domain, inputs, outputs, attributes });
    return outputs;
  }

  /** A stored float tensor. */
  weight(name: string, data: Float32Array, shape: readonly number[]): string {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    return this.#store(name, "float32", shape, bytes);
  }

  /** A small int64 tensor (shapes, axes, starts); equal ones are stored once. */
  integers(values: readonly number[], scalar = false): string {
    const key = `i${scalar ? "s" : ""}:${values.join(",")}`;
    return this.#constant(
      key,
      "int64",
      scalar ? [] : [values.length],
      () => new Uint8Array(BigInt64Array.from(values, BigInt).buffer),
    );
  }

  int32s(values: readonly number[], shape: readonly number[]): string {
    const key = `w:${shape.join(",")}:${values.join(",")}`;
    return this.#constant(key, "int32", shape, () => new Uint8Array(Int32Array.from(values).buffer));
  }

  /** A float scalar; equal ones are stored once. */
  scalar(value: number): string {
    return this.#constant(`f:${value}`, "float32", [], () => new Uint8Array(Float32Array.of(value).buffer));
  }

  floats(values: readonly number[], shape: readonly number[]): string {
    const key = `fs:${shape.join(",")}:${values.join(",")}`;
    return this.#constant(key, "float32", shape, () => new Uint8Array(Float32Array.from(values).buffer));
  }

  #usedNodes(): readonly OnnxNode[] {
    const read = new Set([...this.#nodes.flatMap(({ inputs }) => inputs), ...this.#outputs.map(({ name }) => name)]);
    return this.#nodes.filter(({ op, outputs }) => op !== "Reshape" || outputs.some((name) => read.has(name)));
  }

  #constant(key: string, type: OnnxElementType, shape: readonly number[], make: () => Uint8Array): string {
    const known = this.#constants.get(key);
    if (known) return known;
    const name = this.#store(this.fresh("const"), type, shape, make());
    this.#constants.set(key, name);
    return name;
  }

  #store(name: string, type: OnnxElementType, shape: readonly number[], bytes: Uint8Array): string {
    if (this.#initializers.has(name)) throw new InvalidArgumentError("name", "a tensor name not used before", name);
    this.#initializers.set(name, { type, shape, bytes });
    return name;
  }

  /**
   * The model as ONNX bytes.
   *
   * @param metadata - stored as `metadata_props`
   * @param seal - key of a last entry of the metadata: the SHA-256 of all bytes before it
   */
  encode(metadata: ReadonlyMap<string, string> = new Map(), producerVersion = "", seal?: string): Uint8Array {
    const model = new ProtobufWriter();
    model.integer(1, 8).string(2, "nnunet-ts").string(3, producerVersion);
    model.message(7, (graph) => {
      for (const node of this.#joinsReshapes ? this.#usedNodes() : this.#nodes)
        graph.message(1, (m) => writeNode(m, node));
      graph.string(2, this.name);
      for (const [name, { type, shape, bytes }] of this.#initializers) {
        graph.message(5, (m) => {
          for (const extent of shape) m.integer(1, extent);
          m.integer(2, elementTypes[type]).string(8, name).bytes(9, bytes);
        });
      }
      for (const port of this.#inputs) graph.message(11, (m) => writePort(m, port));
      for (const port of this.#outputs) graph.message(12, (m) => writePort(m, port));
    });
    const domains = new Map([["", onnxOpset]]);
    for (const node of this.#nodes) if (node.domain) domains.set(node.domain, 1);
    for (const [domain, version] of domains) {
      model.message(8, (m) => (domain ? m.string(1, domain) : m).integer(2, version));
    }
    for (const [key, value] of metadata) model.message(14, (m) => m.string(1, key).string(2, value));
    if (seal !== undefined) {
      const hash = model.sha256();
      model.message(14, (m) => m.string(1, seal).string(2, hash));
    }
    return model.finish();
  }
}

function writeNode(m: ProtobufWriter, node: OnnxNode): void {
  for (const input of node.inputs) m.string(1, input);
  for (const output of node.outputs) m.string(2, output);
  m.string(4, node.op);
  for (const [name, value] of Object.entries(node.attributes)) {
    m.message(5, (a) => {
      a.string(1, name);
      if (typeof value === "number") a.integer(3, value).integer(20, 2);
      else if (typeof value === "string") a.string(4, value).integer(20, 3);
      else if ("float" in value) a.float(2, value.float).integer(20, 1);
      else if ("floats" in value) {
        for (const item of value.floats) a.float(7, item);
        a.integer(20, 6);
      } else {
        for (const item of value) a.integer(8, item);
        a.integer(20, 7);
      }
    });
  }
  if (node.domain) m.string(7, node.domain);
}

function writePort(m: ProtobufWriter, port: OnnxPort): void {
  m.string(1, port.name).message(2, (type) =>
    type.message(1, (tensor) => {
      tensor.integer(1, elementTypes[port.type]).message(2, (shape) => {
        for (const extent of port.shape) {
          shape.message(1, (d) => (typeof extent === "number" ? d.integer(1, extent) : d.string(2, extent)));
        }
      });
    }),
  );
}
