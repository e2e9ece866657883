import { InvalidArtifactError, printable, type ProtobufField, protobufFields, protobufText, show } from "@nnunet/core";

/**
 * What a message may hold: its fields by number. A star marks those that may come more than once, # those that hold
 * integers (one by one, with a star also packed), ~ those of four bytes; all others hold bytes: texts and messages.
 */
export type Fields = Readonly<Record<number, string>>;

/** What the refused fields are called, for the sentence that refuses them. */
const refusedNames: Readonly<Record<string, Fields>> = {
  model: { 20: "training_info", 25: "functions", 26: "configuration" },
  graph: { 14: "quantization_annotation", 15: "sparse_initializer", 16: "metadata_props" },
  node: { 8: "overload", 9: "metadata_props", 10: "device_configurations" },
  attribute: {
    5: "a tensor",
    6: "a graph",
    7: "a list of numbers",
    9: "texts",
    10: "tensors",
    11: "graphs",
    14: "a type",
    15: "types",
    21: "ref_attr_name",
    22: "a sparse tensor",
    23: "sparse tensors",
  },
};

const longestName = 512;

/** The fields of a message by name. */
export type Message = ReadonlyMap<string, readonly ProtobufField[]>;

/** All fields of a message by name. A field that must be single is: two of them would be merged by other readers. */
export function readMessage(bytes: Uint8Array, path: string, where: string, fields: Fields): Message {
  const message = new Map<string, ProtobufField[]>();
  for (const field of protobufFields(bytes, path)) {
    const known = fields[field.number];
    if (known === undefined) {
      const kind =
        where
          .match(/\.(?:node|attribute)\b/g)
          ?.at(-1)
          ?.slice(1) ?? where;
      const what = refusedNames[kind]?.[field.number] ?? `field ${field.number}`;
      refuse(path, where, `holds ${what}, which no model of nnunet-ts has`);
    }
    const name = known.replace(/[*#~]+$/, "");
    const wires = known.includes("#") ? (known.endsWith("*") ? [0, 2] : [0]) : known.includes("~") ? [5] : [2];
    if (!wires.includes(field.wire)) refuse(path, `${where}.${name}`, "is stored in another way than ONNX says");
    const list = message.get(name);
    if (list === undefined) message.set(name, [field]);
    else if (known.endsWith("*")) list.push(field);
    else refuse(path, `${where}.${name}`, "is there twice");
  }
  return message;
}

/** @throws {InvalidArtifactError} "model.onnx → graph.node[3]: …; export the model again" */
export function refuse(path: string, where: string, problem: string): never {
  throw new InvalidArtifactError(path, where, `${problem}; export the model again`);
}

/** A name of a tensor or operator: short, and nothing in it that a terminal obeys. */
export function readName(field: ProtobufField | undefined, path: string, where: string): string {
  if (!field?.bytes) return refuse(path, where, "is missing");
  const name = protobufText(field.bytes, path, where);
  if (name.length === 0 || name.length > longestName || printable(name) !== name) {
    refuse(path, where, `expected a name of 1–${longestName} printable characters, got ${show(name)}`);
  }
  return name;
}

/** Repeated integers, one by one or packed. */
export function integers(fields: readonly ProtobufField[], path: string, where: string): number[] {
  return fields.flatMap((field) => {
    if (field.wire === 0) return [field.value!];
    if (field.wire !== 2) return refuse(path, where, "expected integers");
    return packedIntegers(field.bytes!, path);
  });
}

/** Each packed number is read as the field of a message, whose tag (1, integer) is put in front. */
function packedIntegers(bytes: Uint8Array, path: string): number[] {
  const found: number[] = [];
  for (let at = 0; at < bytes.length; ) {
    let end = at;
    while (end < bytes.length && bytes[end]! >= 0x80) end++;
    for (const { value } of protobufFields(Uint8Array.of(8, ...bytes.subarray(at, Math.min(++end, at + 11))), path))
      found.push(value!);
    at = end;
  }
  return found;
}
