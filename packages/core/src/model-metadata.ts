import type { DatasetJson, Plans } from "./artefacts.ts";
import { InvalidArtifactError } from "./errors.ts";

/** What a `model.onnx` says of itself: enough to predict with this one file. */
export interface ModelMetadata {
  readonly plans: Plans;
  readonly dataset: DatasetJson;
  /** "3d_fullres", … */
  readonly configuration: string;
  readonly folds: readonly (number | "all")[];
  /** Spatial axes (0 = z of a 3D patch, or y of a 2D one) along which mirroring was trained, so is allowed. */
  readonly mirrorAxes: readonly number[];
  /** Version of nnunet-ts that wrote it. */
  readonly softwareVersion: string;
  /** SHA-256 of the weights as stored, hex. */
  readonly weightsSha256: string;
}

/**
 * The key–value pairs (`metadata_props`) of an ONNX model, without decoding anything else.
 *
 * Walks the top-level fields of the protobuf `ModelProto` and reads field 14; onnxruntime does not hand these out.
 *
 * @param path - named in errors only
 * @throws {InvalidArtifactError} if the bytes are no ONNX model, or not a whole one
 */
export function readOnnxMetadata(bytes: Uint8Array, path: string): Map<string, string> {
  checkModelStart(bytes, path);
  const pairs = new Map<string, string>();
  for (const field of protobufFields(bytes, path)) {
    if (field.number !== 14 || !field.bytes) continue;
    let key = "";
    let value = "";
    for (const inner of protobufFields(field.bytes, path)) {
      if (inner.bytes && inner.number === 1) key = new TextDecoder().decode(inner.bytes);
      if (inner.bytes && inner.number === 2) value = new TextDecoder().decode(inner.bytes);
    }
    pairs.set(key, value);
  }
  return pairs;
}

/** First bytes that a ModelProto may have: the tags of its fields of one byte, and of training_info and functions. */
const modelTags = new Set([0x08, 0x12, 0x1a, 0x22, 0x28, 0x32, 0x3a, 0x42, 0x72, 0xa2, 0xca]);

/** Tells a file of another kind from a damaged model. Text may begin with a tag, but a model has no 64 bytes of text. */
function checkModelStart(bytes: Uint8Array, path: string): void {
  if (bytes.length === 0) throw new InvalidArtifactError(path, "", "the file is empty; export or copy it again");
  const isText = bytes.subarray(0, 64).every((byte) => byte >= 0x20 || byte === 9 || byte === 10 || byte === 13);
  if (isText || !modelTags.has(bytes[0]!)) {
    const problem = `this is not an ONNX model${isText ? ", but text" : ""}; name a model.onnx or a folder with trained folds`;
    throw new InvalidArtifactError(path, "", problem);
  }
}

/** The fields of one protobuf message in order; `bytes` for all but varints. Throws as {@link readOnnxMetadata}. */
export function* protobufFields(bytes: Uint8Array, path: string): Generator<{ number: number; bytes?: Uint8Array }> {
  let at = 0;
  const broken = () =>
    new InvalidArtifactError(path, "", "not a whole ONNX file (it is cut off or damaged); export or copy it again");
  const varint = (): number => {
    let value = 0;
    let scale = 1;
    for (;;) {
      if (at >= bytes.length || scale > 2 ** 63) throw broken();
      const byte = bytes[at++]!;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const number = Math.floor(tag / 8);
    const wire = tag % 8;
    if (number === 0) throw broken();
    if (wire === 0) {
      varint();
      yield { number };
    } else {
      const length = wire === 2 ? varint() : wire === 5 ? 4 : wire === 1 ? 8 : Number.NaN;
      if (!(at + length <= bytes.length)) throw broken();
      yield { number, bytes: bytes.subarray(at, at + length) };
      at += length;
    }
  }
}
