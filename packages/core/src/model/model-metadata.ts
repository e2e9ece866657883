import type { ModelDataset, Plans } from "../artefacts.ts";
import { InvalidArtifactError } from "../errors.ts";
import { protobufFields, protobufText } from "./protobuf-fields.ts";

/** What a `model.onnx` says of itself: enough to predict with this one file. */
export interface ModelMetadata {
  readonly plans: Plans;
  readonly dataset: ModelDataset;
  /** "3d_fullres", … */
  readonly configuration: string;
  readonly folds: readonly (number | "all")[];
  /** Spatial axes (0 = z of a 3D patch, or y of a 2D one) along which mirroring was trained, so is allowed. */
  readonly mirrorAxes: readonly number[];
  /** Version of nnunet-ts that wrote it. */
  readonly softwareVersion: string;
  /** SHA-256 of the weights as stored, fold after fold, hex. */
  readonly weightsSha256: string;
  /** The same of each fold by itself, where there are several, in the order of `folds`. */
  readonly foldWeightsSha256?: readonly string[];
  /** The first network of a cascade, whose segmentations this second one was trained with. */
  readonly previousStage?: PreviousStage;
  /** Stages of one's own that it was trained by: "trainer" → "mine 2 (sha256 …)". Absent where all were the default. */
  readonly stages?: Readonly<Record<string, string>>;
  /** How it was trained: settings of the trainer by name, of several folds those that all have. */
  readonly recipe?: Readonly<Record<string, unknown>>;
  /** Of a model that another tool trained. */
  readonly origin?: ModelOrigin;
}

/** What a model was imported from. Names of files, no paths: a model is given away. */
export interface ModelOrigin {
  /** "nnU-Net v2" */
  readonly tool: string;
  /** Its class of trainers. */
  readonly trainer: string;
  /** Its checkpoints, in the order of `folds`. */
  readonly files: readonly { readonly name: string; readonly sha256: string; readonly epochs?: number }[];
}

/** Which models a second network of a cascade takes its extra channels from. */
export interface PreviousStage {
  /** "3d_lowres" */
  readonly configuration: string;
  /** Of the weights of each of its folds, hex. */
  readonly weightsSha256: readonly string[];
}

/** SHA-256 of the weights of each fold that a model averages; one for a model of an earlier version. */
export function weightsOfFolds(
  metadata: Pick<ModelMetadata, "weightsSha256" | "foldWeightsSha256">,
): readonly string[] {
  return metadata.foldWeightsSha256 ?? [metadata.weightsSha256];
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
    const [key, value] = metadataPair(field.bytes, path);
    if (pairs.has(key)) throw new InvalidArtifactError(path, key, "is there twice; export the model again");
    pairs.set(key, value);
  }
  return pairs;
}

/** Key and value of one entry of `metadata_props` (StringStringEntryProto). */
function metadataPair(bytes: Uint8Array, path: string): [key: string, value: string] {
  let key = "";
  let value = "";
  for (const { number, bytes: text } of protobufFields(bytes, path)) {
    if (text && number === 1) key = protobufText(text, path, "metadata_props");
    if (text && number === 2) value = protobufText(text, path, key);
  }
  return [key, value];
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
