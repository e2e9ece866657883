/** Writes very small ONNX models with a known answer: just enough protobuf for a chain of nodes. */

export interface TinyNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly output: string;
}

export interface TinyTensor {
  readonly shape: readonly number[];
  readonly values: readonly number[];
}

export interface TinyModel {
  readonly nodes: readonly TinyNode[];
  readonly weights: Readonly<Record<string, TinyTensor>>;
  /** A string is an extent that may vary. */
  readonly inputShape: readonly (number | string)[];
  readonly outputShape: readonly (number | string)[];
  readonly metadata?: Readonly<Record<string, string>>;
  readonly inputName?: string;
  readonly outputName?: string;
  /** Says that this weight lies in a file of its own. */
  readonly externalWeight?: string;
}

export function tinyOnnx(model: TinyModel): Uint8Array {
  const { inputName = "input", outputName = "logits" } = model;
  const graph = join([
    ...model.nodes.map((node) =>
      bytesField(1, join([...node.inputs.map((name) => text(1, name)), text(2, node.output), text(4, node.op)])),
    ),
    text(2, "tiny"),
    ...Object.entries(model.weights).map(([name, tensor]) =>
      bytesField(
        5,
        join([
          ...tensor.shape.map((n) => integer(1, n)),
          integer(2, 1),
          text(8, name),
          name === model.externalWeight
            ? join([bytesField(13, join([text(1, "location"), text(2, "weights.bin")])), integer(14, 1)])
            : bytesField(9, new Uint8Array(new Float32Array(tensor.values).buffer)),
        ]),
      ),
    ),
    bytesField(11, valueInfo(inputName, model.inputShape)),
    bytesField(12, valueInfo(outputName, model.outputShape)),
  ]);
  return join([
    integer(1, 8),
    bytesField(7, graph),
    bytesField(8, join([text(1, ""), integer(2, 17)])),
    ...Object.entries(model.metadata ?? {}).map(([key, value]) => bytesField(14, join([text(1, key), text(2, value)]))),
  ]);
}

export function valueInfo(name: string, shape: readonly (number | string)[]): Uint8Array {
  const dims = shape.map((n) => bytesField(1, typeof n === "number" ? integer(1, n) : text(2, n)));
  return join([text(1, name), bytesField(2, bytesField(1, join([integer(1, 1), bytesField(2, join(dims))])))]);
}

export function join(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((n, part) => n + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

export function varint(value: number): number[] {
  const bytes = [];
  while (value >= 128) {
    bytes.push((value % 128) + 128);
    value = Math.floor(value / 128);
  }
  return [...bytes, value];
}

export const integer = (field: number, value: number) => new Uint8Array([...varint(field * 8), ...varint(value)]);
export const bytesField = (field: number, bytes: Uint8Array) =>
  join([new Uint8Array([...varint(field * 8 + 2), ...varint(bytes.length)]), bytes]);
export const text = (field: number, value: string) => bytesField(field, new TextEncoder().encode(value));
