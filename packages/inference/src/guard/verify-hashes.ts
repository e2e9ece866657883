import { InvalidArtifactError, printableName, protobufFields, readOnnxMetadata, UnsupportedError } from "@nnunet/core";
import type { Graph } from "./read-graph.ts";

/**
 * Compares the model with the hashes that it carries: that of the whole file before the hash itself, or, in models of
 * earlier versions, that of the weights, which was all they had. One changed bit is refused.
 *
 * @throws {InvalidArtifactError} if they differ
 */
export async function verifyHashes(bytes: Uint8Array, graph: Graph, path: string): Promise<void> {
  const metadata = readOnnxMetadata(bytes, path);
  const whole = metadata.get("nnunet.file_sha256");
  if (whole !== undefined) {
    let last = 0;
    for (const { start } of protobufFields(bytes, path)) last = start;
    await compare(bytes.subarray(0, last), whole, path, "nnunet.file_sha256", "it");
    return;
  }
  // one flipped bit in the name of that hash must not make a model of an earlier version of it
  for (const [key, value] of metadata) {
    if (key !== "nnunet.weights_sha256" && /^[0-9a-f]{64}$/.test(value)) throw changed(path, key, "it");
  }
  const stored = [...graph.weights.values()].filter(({ name, type }) => type === "float32" && !isConstant(name));
  const joined = new Uint8Array(stored.reduce((sum, weight) => sum + weight.bytes.length, 0));
  let at = 0;
  for (const weight of stored) {
    joined.set(weight.bytes, at);
    at += weight.bytes.length;
  }
  await compare(joined, metadata.get("nnunet.weights_sha256"), path, "nnunet.weights_sha256", "its weights");
}

/** Numbers that `OnnxGraph` stores beside the weights; they were never part of their hash. */
export const isConstant = (name: string) => /^const_\d+$/.test(name);

async function compare(
  bytes: Uint8Array,
  expected: string | undefined,
  path: string,
  key: string,
  what: string,
): Promise<void> {
  if ((await sha256(bytes)) !== expected) throw changed(path, key, what);
}

function changed(path: string, key: string, what: string): Error {
  const problem = `${what} changed after the export, in transfer, on the disk or by another program: copy or export the model again`;
  return new InvalidArtifactError(path, printableName(key, 60), problem);
}

async function sha256(bytes: Uint8Array): Promise<string> {
  const { subtle } = globalThis.crypto ?? {};
  if (!subtle) throw new UnsupportedError("loading a model without Web Cryptography", "serve the page by https");
  const digest = new Uint8Array(await subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>));
  return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
