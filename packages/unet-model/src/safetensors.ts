import { elementCount, InvalidArtifactError } from "@nnunet/core";

export interface Tensor {
  readonly data: Float32Array | Float64Array | Int32Array | Int16Array | Uint8Array;
  readonly shape: readonly number[];
}

const kinds = {
  F32: Float32Array,
  F64: Float64Array,
  I32: Int32Array,
  I16: Int16Array,
  U8: Uint8Array,
} as const;
type Kind = keyof typeof kinds;

/**
 * Encodes tensors in the safetensors format: a length, a JSON header, then the raw values. No code can hide in it.
 *
 * @param metadata - string pairs stored under `__metadata__`
 */
export function writeSafetensors(
  tensors: ReadonlyMap<string, Tensor>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const header: Record<string, unknown> = { __metadata__: metadata };
  // widest elements first: every tensor then starts at a multiple of its element size
  const ordered = [...tensors].sort(([, a], [, b]) => b.data.BYTES_PER_ELEMENT - a.data.BYTES_PER_ELEMENT);
  let offset = 0;
  for (const [name, { data, shape }] of ordered) {
    const dtype = (Object.keys(kinds) as Kind[]).find((k) => data instanceof kinds[k]);
    header[name] = { dtype, shape, data_offsets: [offset, offset + data.byteLength] };
    offset += data.byteLength;
  }
  let json = JSON.stringify(header);
  json += " ".repeat((8 - (new TextEncoder().encode(json).length % 8)) % 8);
  const head = new TextEncoder().encode(json);
  const out = new Uint8Array(8 + head.length + offset);
  new DataView(out.buffer).setBigUint64(0, BigInt(head.length), true);
  out.set(head, 8);
  let at = 8 + head.length;
  for (const [, { data }] of ordered) {
    out.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return out;
}

/**
 * Decodes safetensors bytes; every offset is checked before it is used.
 *
 * @param path - named in errors only
 * @throws {InvalidArtifactError} if the file is cut off or damaged
 */
export function readSafetensors(
  bytes: Uint8Array,
  path: string,
): { tensors: Map<string, Tensor>; metadata: Record<string, string> } {
  const damaged = (field: string, problem: string) =>
    new InvalidArtifactError(path, field, `${problem}; the file is cut off or damaged, use an older checkpoint`);
  if (bytes.length < 8) throw damaged("", `expected at least 8 bytes, got ${bytes.length}`);
  const headLength = Number(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true));
  if (!(headLength <= bytes.length - 8))
    throw damaged("header", `promises ${headLength} bytes, the file has ${bytes.length - 8}`);
  let header: Record<string, unknown>;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(8, 8 + headLength)));
  } catch {
    throw damaged("header", "not valid JSON");
  }
  const body = bytes.subarray(8 + headLength);
  const tensors = new Map<string, Tensor>();
  let metadata: Record<string, string> = {};
  let end = 0;
  for (const [name, value] of Object.entries(header)) {
    if (name === "__metadata__") {
      metadata = value as Record<string, string>;
      continue;
    }
    const { dtype, shape, data_offsets } = value as { dtype: Kind; shape: number[]; data_offsets: [number, number] };
    const type = kinds[dtype];
    if (!type || !Array.isArray(shape) || !Array.isArray(data_offsets))
      throw damaged(name, "expected dtype, shape and data_offsets");
    const [from, to] = data_offsets;
    if (!(from >= 0 && to >= from && to <= body.length))
      throw damaged(name, `lies at bytes ${from}–${to} of ${body.length}`);
    if (elementCount(shape) * type.BYTES_PER_ELEMENT !== to - from) throw damaged(name, "size and shape disagree");
    // `Buffer.slice` would share memory, and at any offset: copy to a buffer of its own
    const own = new Uint8Array(to - from);
    own.set(body.subarray(from, to));
    tensors.set(name, { data: new type(own.buffer), shape });
    end = Math.max(end, to);
  }
  if (end !== body.length) throw damaged("", `expected ${end} bytes of tensors, found ${body.length}`);
  return { tensors, metadata };
}
