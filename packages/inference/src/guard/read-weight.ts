import { elementCount, InvalidArtifactError } from "@nnunet/core";
import { integers, readMessage, readName, refuse } from "./read-message.ts";

/** A stored tensor: float32 weights, or the int64 numbers that say how to reshape. */
export interface Weight {
  readonly name: string;
  readonly type: "float32" | "int64";
  readonly shape: readonly number[];
  /** Little endian, C order. */
  readonly bytes: Uint8Array;
}

/** The values of a float32 weight: a copy, as they may begin anywhere in the file, and a Float32Array only at every fourth byte. */
export function floatsOf({ bytes }: Weight): Float32Array {
  return new Float32Array(new Uint8Array(bytes).buffer);
}

const fields = { 1: "dims#*", 2: "data_type#", 8: "name", 9: "raw_data", 12: "doc_string" };
/** Fields of a TensorProto that put its values elsewhere. */
const outside = [3, 13, 14];
const otherForms = [4, 5, 6, 7, 10, 11];
const types = { 1: { type: "float32", size: 4 }, 7: { type: "int64", size: 8 } } as const;

/**
 * Reads a TensorProto whose values lie in it as raw bytes.
 *
 * @throws {InvalidArtifactError} if they lie in another file, are of another type, or are more or fewer than its shape says
 */
export function readWeight(tensor: Uint8Array, path: string, where: string): Weight {
  const message = readMessage(tensor, path, where, { ...fields, ...refusedLater });
  const name = readName(message.get("name")?.[0], path, `${where}.name`);
  const place = `graph.initializer.${name}`;
  if (message.has("outside")) {
    const problem = "the weights lie in a file of their own; export the model with its weights inside";
    throw new InvalidArtifactError(path, place, problem);
  }
  if (message.has("other")) refuse(path, place, "its values are not stored as raw bytes");
  const dataType = message.get("data_type")?.[0]?.value;
  const known = types[dataType as keyof typeof types];
  if (!known) return refuse(path, place, `expected float32 or int64, got ONNX's data type ${dataType}`);
  const shape = integers(message.get("dims") ?? [], path, place);
  const bytes = message.get("raw_data")?.[0]?.bytes ?? new Uint8Array();
  const fits = shape.length <= 8 && shape.every((n) => Number.isInteger(n) && n >= 0 && n < 2 ** 31);
  if (!fits || elementCount(shape) * known.size !== bytes.length) {
    refuse(path, place, `${bytes.length} bytes do not make a tensor of ${known.type} and shape [${shape.join(", ")}]`);
  }
  return { name, type: known.type, shape, bytes };
}

/** Read, so that the error can name the weight. */
const refusedLater = Object.fromEntries([
  ...outside.map((number) => [number, "outside#*"]),
  ...otherForms.map((number) => [number, "other#*"]),
]);
