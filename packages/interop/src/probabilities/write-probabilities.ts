import type { VolumeShape } from "@nnunet/core";
import { deflatedZipChunks } from "../zip/deflated-zip.ts";
import { npyHeaderBytes } from "./npy-header.ts";

/**
 * `CASE.npz` as nnU-Net v2 stores the probabilities of a case and `nnUNetv2_ensemble` reads them, piece by piece.
 *
 * @param shape - [class or region, z, y, x]
 * @param values - float32 in C order over `shape`, in pieces of any length
 */
export function v2ProbabilitiesChunks(
  shape: VolumeShape,
  values: AsyncIterable<Float32Array> | Iterable<Float32Array>,
): AsyncGenerator<Uint8Array> {
  return deflatedZipChunks("probabilities.npy", npyBytes(shape, values));
}

async function* npyBytes(
  shape: VolumeShape,
  values: AsyncIterable<Float32Array> | Iterable<Float32Array>,
): AsyncGenerator<Uint8Array> {
  yield npyHeaderBytes(shape);
  for await (const piece of values) yield new Uint8Array(piece.buffer, piece.byteOffset, piece.byteLength);
}
