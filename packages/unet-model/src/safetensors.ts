import { createHash } from "node:crypto";
import { elementCount, InvalidArtifactError, isJsonObject, parseJson, show } from "@nnunet/core";

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

/** Key of the metadata that holds the SHA-256 of everything else. */
const CHECKSUM = "sha256";

/** Bytes of a header that is read; a network of a thousand tensors takes 0.1 MB, a history of 1000 epochs 0.3 MB. */
const longestHeader = 64 * 2 ** 20;

/**
 * Encodes tensors in the safetensors format: a length, a JSON header, then the raw values. No code can hide in it. The
 * metadata get an entry `sha256` over header and values, which {@link readSafetensors} compares.
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
  const hash = createHash("sha256").update(JSON.stringify(header));
  for (const [, { data }] of ordered) hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  header["__metadata__"] = { ...metadata, [CHECKSUM]: hash.digest("hex") };
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

/** What lies in a safetensors file. */
export interface Safetensors {
  readonly tensors: Map<string, Tensor>;
  readonly metadata: Readonly<Record<string, string>>;
  /** Whether the file carries a checksum, which then was right; those of other programs carry none. */
  readonly checked: boolean;
}

/**
 * Decodes safetensors bytes. Nothing is trusted: the tensors must tile the bytes behind the header, without a gap and
 * without two of them sharing a byte, so that what is made is never larger than the file.
 *
 * @param path - named in errors only
 * @throws {InvalidArtifactError} if the file is cut off, damaged, or changed since its checksum was made
 */
export function readSafetensors(bytes: Uint8Array, path: string): Safetensors {
  const { header, body } = splitHeader(bytes, path);
  const metadata = metadataOf(header, path);
  const entries = Object.entries(header)
    .filter(([name]) => name !== "__metadata__")
    .map(([name, value]) => entryOf(name, value, path))
    .sort((a, b) => a.from - b.from || a.to - b.to);
  let end = 0;
  for (const { name, from, to } of entries) {
    if (from !== end)
      throw damaged(path, name, `begins at byte ${from}, expected ${end}, where the one before it ends`);
    end = to;
  }
  if (end !== body.length) throw damaged(path, "", `expected ${end} bytes of tensors, found ${body.length}`);
  const { [CHECKSUM]: checksum, ...rest } = metadata;
  if (checksum !== undefined && checksum !== checksumOf(header, rest, body)) {
    throw damaged(path, `__metadata__.${CHECKSUM}`, "is not that of the file's content");
  }
  const tensors = new Map<string, Tensor>();
  for (const { name, type, shape, from, to } of entries) {
    // `Buffer.slice` would share memory, and at any offset: copy to a buffer of its own
    const own = new Uint8Array(to - from);
    own.set(body.subarray(from, to));
    tensors.set(name, { data: new type(own.buffer), shape });
  }
  return { tensors, metadata: rest, checked: checksum !== undefined };
}

type Header = Readonly<Record<string, unknown>>;

function damaged(path: string, field: string, problem: string): InvalidArtifactError {
  return new InvalidArtifactError(path, field, `${problem}; the file is cut off or damaged, use an older checkpoint`);
}

function splitHeader(bytes: Uint8Array, path: string): { header: Header; body: Uint8Array } {
  if (bytes.length < 8) throw damaged(path, "", `expected at least 8 bytes, got ${bytes.length}`);
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true));
  if (!(length <= bytes.length - 8)) {
    throw damaged(path, "header", `promises ${length} bytes, the file has ${bytes.length - 8}`);
  }
  if (length > longestHeader) throw damaged(path, "header", `has ${length} bytes; at most ${longestHeader} are read`);
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(8, 8 + length));
  } catch {
    throw damaged(path, "header", "not valid JSON");
  }
  const header = parseJson(text, path, { field: "header", remedy: "use an older checkpoint" });
  if (!isJsonObject(header)) throw damaged(path, "header", `expected an object, got ${show(header)}`);
  return { header, body: bytes.subarray(8 + length) };
}

function metadataOf(header: Header, path: string): Readonly<Record<string, string>> {
  const metadata = Object.hasOwn(header, "__metadata__") ? header["__metadata__"] : {};
  if (!isJsonObject(metadata))
    throw damaged(path, "__metadata__", `expected an object of texts, got ${show(metadata)}`);
  for (const [key, value] of Object.entries(metadata)) {
    if (typeof value !== "string") throw damaged(path, `__metadata__.${key}`, `expected a text, got ${show(value)}`);
  }
  return metadata as Record<string, string>;
}

function entryOf(name: string, value: unknown, path: string) {
  if (!isJsonObject(value)) throw damaged(path, name, `expected dtype, shape and data_offsets, got ${show(value)}`);
  const { dtype, shape, data_offsets: offsets } = value;
  if (typeof dtype !== "string" || !Object.hasOwn(kinds, dtype)) {
    throw damaged(path, `${name}.dtype`, `expected one of ${Object.keys(kinds).join(", ")}, got ${show(dtype)}`);
  }
  const type = kinds[dtype as Kind];
  if (!isSizes(shape) || shape.length > 16) throw damaged(path, `${name}.shape`, `expected sizes, got ${show(shape)}`);
  if (!isSizes(offsets) || offsets.length !== 2) {
    throw damaged(path, `${name}.data_offsets`, `expected where it begins and ends, got ${show(offsets)}`);
  }
  const [from, to] = offsets as [number, number];
  if (elementCount(shape) * type.BYTES_PER_ELEMENT !== to - from) throw damaged(path, name, "size and shape disagree");
  return { name, type, shape, from, to };
}

function checksumOf(header: Header, metadata: Readonly<Record<string, string>>, body: Uint8Array): string {
  // written and read alike: the same keys in the same order, without the checksum itself
  const plain = JSON.stringify({ ...header, __metadata__: metadata });
  return createHash("sha256").update(plain).update(body).digest("hex");
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0);
}
