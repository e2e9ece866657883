import { createHash } from "node:crypto";
import { modelDatasetToJson, plansToJson } from "@nnunet/core";
import { tinyMetadata } from "./tiny-model.ts";
import { bytesField, integer, join, text, valueInfo, varint } from "./tiny-onnx.ts";

/*
 * Models that somebody might send: each is a whole model.onnx with the metadata of a good one, and one thing in it that
 * reads another file, never ends, takes all memory, or means something else to another reader.
 */

const patch = [4, 4, 4];
const float32s = (...values: number[]) => new Uint8Array(new Float32Array(values).buffer);
const int64s = (...values: number[]) => new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
const input = bytesField(11, valueInfo("input", ["n", 1, ...patch]));
const output = (shape: readonly (number | string)[] = ["n", 3, ...patch]) => bytesField(12, valueInfo("logits", shape));

interface Node {
  readonly attributes?: readonly Uint8Array[];
  readonly domain?: string;
  readonly more?: Uint8Array;
}

function node(
  op: string,
  inputs: readonly string[],
  outputs: readonly string[],
  { attributes = [], domain, more }: Node = {},
) {
  return bytesField(
    1,
    join([
      ...inputs.map((name) => text(1, name)),
      ...outputs.map((name) => text(2, name)),
      text(4, op),
      ...attributes.map((attribute) => bytesField(5, attribute)),
      ...(domain === undefined ? [] : [text(7, domain)]),
      ...(more ? [more] : []),
    ]),
  );
}

const rawTensor = (dims: readonly number[], type: number, name: string, raw: Uint8Array) =>
  join([...dims.map((n) => integer(1, n)), integer(2, type), text(8, name), bytesField(9, raw)]);
const weight = (dims: readonly number[], values: readonly number[], name: string) =>
  bytesField(5, rawTensor(dims, 1, name, float32s(...values)));
const shapeWeight = (values: readonly number[], name: string) =>
  bytesField(5, rawTensor([values.length], 7, name, int64s(...values)));
/** A tensor whose values lie in /etc/hostname. */
const outsideTensor = (name: string) =>
  join([
    integer(1, 3),
    integer(2, 1),
    text(8, name),
    ...[
      ["location", "hostname"],
      ["length", "12"],
    ].map(([key, value]) => bytesField(13, join([text(1, key!), text(2, value!)]))),
    integer(14, 1),
  ]);
const attribute = {
  tensor: (name: string, tensor: Uint8Array) => join([text(1, name), bytesField(5, tensor), integer(20, 4)]),
  graph: (name: string, graph: Uint8Array) => join([text(1, name), bytesField(6, graph), integer(20, 5)]),
  sparse: (name: string, sparse: Uint8Array) => join([text(1, name), bytesField(22, sparse), integer(20, 11)]),
  integer: (name: string, value: number) => join([text(1, name), integer(3, value), integer(20, 2)]),
  integers: (name: string, ...values: number[]) =>
    join([text(1, name), ...values.map((value) => integer(8, value)), integer(20, 7)]),
};

const conv = node("Conv", ["input", "w", "b"], ["logits"]);
const weights = [weight([3, 1, 1, 1, 1], [1, 2, 3], "w"), weight([3], [0.5, 0, 0], "b")];
const goodGraph = [conv, ...weights, input, output()];
const opset = bytesField(8, integer(2, 17));

/** A model of the given fields of a graph, with a hash that is right. */
function model(graph: readonly Uint8Array[], { opsets = opset, more = [] as readonly Uint8Array[] } = {}): Uint8Array {
  const metadata = tinyMetadata(patch);
  const pairs: [string, string][] = [
    ["nnunet.plans", JSON.stringify(plansToJson(metadata.plans))],
    ["nnunet.dataset", JSON.stringify(modelDatasetToJson(metadata.dataset))],
    ["nnunet.configuration", "tiny"],
    ["nnunet.folds", "[0]"],
    ["nnunet.mirror_axes", "[0,1,2]"],
    ["nnunet.version", "0.1.0"],
    ["nnunet.weights_sha256", ""],
  ];
  const entry = ([key, value]: [string, string]) => bytesField(14, join([text(1, key), text(2, value)]));
  const body = join([integer(1, 8), bytesField(7, join(graph)), opsets, ...more, ...pairs.map(entry)]);
  return join([body, entry(["nnunet.file_sha256", createHash("sha256").update(body).digest("hex")])]);
}

const inner = (...nodes: Uint8Array[]) =>
  join([...nodes, text(2, "inner"), bytesField(12, valueInfo("logits", ["n", 3, ...patch]))]);
const branch = (graph: Uint8Array) =>
  node("If", ["cond"], ["logits"], {
    attributes: [attribute.graph("then_branch", graph), attribute.graph("else_branch", graph)],
  });
const outsideConstant = node("Constant", [], ["c"], { attributes: [attribute.tensor("value", outsideTensor("v"))] });
const custom = (more: Uint8Array[]) =>
  model([node("F", ["input"], ["logits"], { domain: "my.dom" }), input, output()], {
    opsets: join([opset, bytesField(8, join([text(1, "my.dom"), integer(2, 1)]))]),
    more,
  });
const functionProto = (body: Uint8Array) =>
  bytesField(25, join([text(1, "F"), text(4, "input"), text(5, "logits"), body.slice(0), text(10, "my.dom")]));
/** Tag and value in more bytes than they need: other readers cut them to 32 bits, or take them. */
const longTag = (field: number, wire: number) => {
  const [...bytes] = varint(field * 8 + wire);
  return new Uint8Array([...bytes.slice(0, -1), bytes.at(-1)! | 0x80, 0x80, 0x80, 0x00]);
};
const nested = (depth: number): Uint8Array => {
  let graph = outsideConstant;
  for (let i = 0; i < depth; i++)
    graph = node("If", ["cond"], ["logits"], { attributes: [attribute.graph("then_branch", graph)] });
  return graph;
};
const chain = (op: string, count: number, inputs: (last: string) => string[], attributes: Uint8Array[] = []) =>
  Array.from({ length: count }, (_, i) => node(op, inputs(i === 0 ? "input" : `x${i - 1}`), [`x${i}`], { attributes }));

export const goodModel = model(goodGraph);

/** Name, bytes, and what the sentence that refuses it says. */
export const hostileModels: readonly (readonly [name: string, model: Uint8Array, problem: string])[] = [
  // another file's bytes
  [
    "a weight in another file",
    model([conv, weights[0]!, bytesField(5, outsideTensor("b")), input, output()]),
    "graph.initializer.b: the weights lie in a file of their own",
  ],
  [
    "an attribute's tensor in another file",
    model([outsideConstant, conv, ...weights, input, output()]),
    "holds a tensor, which no model of nnunet-ts has",
  ],
  [
    "a sparse weight in another file",
    model([...goodGraph, bytesField(15, bytesField(1, outsideTensor("s")))]),
    "holds sparse_initializer",
  ],
  [
    "a sparse attribute in another file",
    model([
      node("Constant", [], ["c"], {
        attributes: [attribute.sparse("sparse_value", bytesField(1, outsideTensor("s")))],
      }),
      ...goodGraph,
    ]),
    "holds a sparse tensor",
  ],
  ["another file in a branch", model([branch(inner(outsideConstant)), input, output()]), "holds a graph"],
  [
    "another file in a branch of a branch",
    model([branch(inner(branch(inner(outsideConstant)))), input, output()]),
    "holds a graph",
  ],
  [
    "another file in a function",
    custom([functionProto(bytesField(7, outsideConstant.subarray(2)))]),
    "holds functions",
  ],
  [
    "another file in training information",
    model(goodGraph, { more: [bytesField(20, bytesField(1, bytesField(5, outsideTensor("t"))))] }),
    "holds training_info",
  ],
  [
    "another file behind a tag of 40 bits",
    model([...goodGraph, join([longTag(5, 2), new Uint8Array(varint(outsideTensor("x").length)), outsideTensor("x")])]),
    "not a whole ONNX file",
  ],
  [
    "a weight whose place says another file, without one",
    model([
      conv,
      weights[0]!,
      bytesField(5, join([rawTensor([3], 1, "b", float32s(0, 0, 0)), integer(14, 1)])),
      input,
      output(),
    ]),
    "graph.initializer.b: the weights lie in a file of their own",
  ],
  // never ends, or is another program
  [
    "a loop",
    model([
      node("Loop", ["trip", "cond", "input"], ["logits"], { attributes: [attribute.graph("body", inner(conv))] }),
      ...weights,
      input,
      output(),
    ]),
    "holds a graph",
  ],
  [
    "a scan",
    model([
      node("Scan", ["input"], ["logits"], { attributes: [attribute.graph("body", inner(conv))] }),
      input,
      output(),
    ]),
    "holds a graph",
  ],
  [
    "a loop without a body",
    model([node("Loop", ["input"], ["logits"]), input, output()]),
    'the operator "Loop" is not run',
  ],
  ["graphs nested a thousand deep", model([nested(1000), input, output()]), "holds a graph"],
  ["operators of somebody's domain", custom([]), 'names the operators of "my.dom"'],
  [
    "a node of somebody's domain",
    model([node("Conv", ["input", "w", "b"], ["logits"], { domain: "com.microsoft" }), ...weights, input, output()]),
    'is of "com.microsoft"',
  ],
  [
    "operators of the future",
    model(goodGraph, { opsets: bytesField(8, integer(2, 999)) }),
    "expected version 13–22 of ONNX's operators, got 999",
  ],
  ["no set of operators", model(goodGraph, { opsets: new Uint8Array() }), "expected one set of operators, got 0"],
  ["two graphs", model(goodGraph, { more: [bytesField(7, outsideConstant)] }), "model.graph: is there twice"],
  [
    "an overload of an operator",
    model([node("Conv", ["input", "w", "b"], ["logits"], { more: text(8, "mine") }), ...weights, input, output()]),
    "holds overload",
  ],
  // takes all memory
  [
    "a constant of 2³¹ elements",
    model([node("ConstantOfShape", ["s"], ["logits"]), shapeWeight([2 ** 31], "s"), input, output()]),
    'the operator "ConstantOfShape" is not run',
  ],
  [
    "a tensor of 2³¹ elements of no bytes",
    model([conv, bytesField(5, rawTensor([2 ** 31 - 1], 1, "w", new Uint8Array())), input, output()]),
    "do not make a tensor of float32",
  ],
  [
    "dimensions whose product is beyond 2⁵³",
    model([conv, bytesField(5, rawTensor([2 ** 30, 2 ** 30, 2 ** 30], 1, "w", new Uint8Array())), input, output()]),
    "do not make a tensor of float32",
  ],
  [
    "a negative dimension",
    model([
      conv,
      bytesField(
        5,
        join([
          new Uint8Array([8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]),
          integer(2, 1),
          text(8, "w"),
        ]),
      ),
      input,
      output(),
    ]),
    "do not make a tensor of float32 and shape [-1]",
  ],
  [
    "a tensor that doubles 60 times",
    model([
      ...chain("Concat", 60, (last) => [last, last], [attribute.integer("axis", 1)]),
      conv,
      ...weights,
      input,
      output(),
    ]),
    "needs more memory than a network of this plan has any use for",
  ],
  [
    "a padding of a million",
    model([
      node("Conv", ["input", "w", "b"], ["logits"], {
        attributes: [attribute.integers("pads", ...Array(6).fill(500_000))],
      }),
      ...weights,
      input,
      output(),
    ]),
    "needs more memory",
  ],
  [
    "an outer product",
    model([
      node("Transpose", ["row"], ["column"]),
      node("MatMul", ["column", "row"], ["x"]),
      weight([1, 2 ** 14], Array(2 ** 14).fill(0), "row"),
      conv,
      ...weights,
      input,
      output(),
    ]),
    "needs more memory",
  ],
  [
    "a chain of large products of weights, which would be worked out while it is loaded",
    model([
      node("MatMul", ["square", "square"], ["x0"]),
      ...Array.from({ length: 2000 }, (_, i) => node("MatMul", [`x${i}`, "square"], [`x${i + 1}`])),
      weight([256, 256], Array(256 ** 2).fill(0), "square"),
      conv,
      ...weights,
      input,
      output(),
    ]),
    '"MatMul" needs more computing than a network of this plan has any use for',
  ],
  [
    "a hundred thousand nodes",
    model([...chain("Sigmoid", 100_000, (last) => [last]), conv, ...weights, input, output()]),
    "has 100001 nodes",
  ],
  // what is not a network of logits
  [
    "texts as weights",
    model([
      conv,
      bytesField(5, join([integer(1, 3), integer(2, 8), text(8, "w"), text(6, "a"), text(6, "b"), text(6, "c")])),
      input,
      output(),
    ]),
    "graph.initializer.w: its values are not stored as raw bytes",
  ],
  [
    "logits of another type",
    model([node("ArgMax", ["input"], ["logits"]), input, output()]),
    'the operator "ArgMax" is not run',
  ],
  [
    "int64 weights",
    model([conv, bytesField(5, rawTensor([3, 1, 1, 1, 1], 7, "w", int64s(1, 2, 3))), weights[1]!, input, output()]),
    'Conv reads "w", which no earlier node makes as float32',
  ],
  [
    "logits of two axes",
    model([node("Reshape", ["input", "s"], ["logits"]), shapeWeight([-1, 64], "s"), input, output()]),
    "logits: expected a tensor of shape [n, 3, 4, 4, 4] as plans and dataset say, got [n, 64]",
  ],
  [
    "fewer classes than it declares",
    model([node("Conv", ["input", "w"], ["logits"]), weight([2, 1, 1, 1, 1], [1, 2], "w"), input, output()]),
    "logits: expected a tensor of shape [n, 3, 4, 4, 4] as plans and dataset say, got [n, 2, 4, 4, 4]",
  ],
  [
    "a batch that turns into depth",
    model([node("Reshape", ["input", "s"], ["logits"]), shapeWeight([1, -1, 4, 4, 4], "s"), input, output()]),
    "logits: expected a tensor of shape [n, 3, 4, 4, 4]",
  ],
  ["no output", model([conv, ...weights, input]), "graph.output: expected one, got none"],
  [
    "two outputs",
    model([...goodGraph, bytesField(12, valueInfo("more", [1]))]),
    'graph.output: expected one, got "logits", "more"',
  ],
  [
    "an output that nobody makes",
    model([node("Sigmoid", ["input"], ["x"]), input, output()]),
    "logits: no node makes this tensor",
  ],
  ["a tensor made twice", model([conv, conv, ...weights, input, output()]), 'makes "logits" a second time'],
  ["a weight that is there twice", model([...goodGraph, weights[1]!]), "graph.initializer.b: is there twice"],
  [
    "a node that reads its own output",
    model([node("Add", ["input", "logits"], ["logits"]), input, output()]),
    'Add reads "logits", which no earlier node makes',
  ],
  [
    "an attribute that comes twice",
    model([
      node("Conv", ["input", "w", "b"], ["logits"], {
        attributes: [attribute.integer("group", 1), attribute.integer("group", 2)],
      }),
      ...weights,
      input,
      output(),
    ]),
    "attribute.group: is there twice",
  ],
  [
    "a number where a node belongs",
    model([integer(1, 5), ...goodGraph]),
    "graph.node: is stored in another way than ONNX says",
  ],
  [
    "a message where a number belongs",
    model(goodGraph, { more: [bytesField(5, conv)] }),
    "model.model_version: is stored in another way than ONNX says",
  ],
  // names
  [
    "escapes in a name",
    model([node("Conv", ["input", "w\u001b[2J", "b"], ["logits"]), ...weights, input, output()]),
    'printable characters, got "w\\u001b[2J"',
  ],
  [
    "a name that turns the writing",
    model([node("Conv", ["input", "w\u202e", "b"], ["logits"]), ...weights, input, output()]),
    "printable characters",
  ],
  [
    "a name of a million letters",
    model([node("x".repeat(1e6), ["input"], ["logits"]), input, output()]),
    "expected a name of 1–512 printable characters",
  ],
  [
    "a name that is no UTF-8",
    model([bytesField(1, bytesField(4, new Uint8Array([0xff, 0xfe]))), input, output()]),
    "is not UTF-8 text",
  ],
  [
    "a number in eleven bytes",
    model([...goodGraph, new Uint8Array([0x18, ...Array(10).fill(0xff), 1])]),
    "not a whole ONNX file",
  ],
  [
    "a number with needless zeros",
    model([...goodGraph, new Uint8Array([0x18, 0x81, 0x80, 0x00])]),
    "not a whole ONNX file",
  ],
  ["a field in a group", model([...goodGraph, new Uint8Array([0x0b, 0x0c])]), "not a whole ONNX file"],
  [
    "a message longer than the file",
    model([...goodGraph, new Uint8Array([0x0a, 0xff, 0xff, 0xff, 0x7f])]),
    "not a whole ONNX file",
  ],
];
