import { type ModelMetadata, modelMetadataFromOnnx, readOnnxMetadata } from "@nnunet/core";
import { checkNetwork } from "./check-network.ts";
import { readGraph } from "./read-graph.ts";
import { verifyHashes } from "./verify-hashes.ts";

/** A model that was looked at from the first byte to the last. */
export interface InspectedModel {
  readonly metadata: ModelMetadata;
  /** Every text in the file beside the names of its tensors, by its key or place: whoever gets the model can read them. */
  readonly carried: ReadonlyMap<string, string>;
}

/**
 * Looks at every byte of a model before a runtime sees it: nothing but what models of nnunet-ts hold, unchanged since its
 * export, and a network of the size that its plan says. Nothing is run.
 *
 * @param path - named in errors
 * @throws {InvalidArtifactError} what does not belong there, and where
 * @example (await inspectModel(bytes, "model.onnx")).carried.get("nnunet.dataset"); // '{"channel_names":{"0":"MRI"}, …}'
 */
export async function inspectModel(bytes: Uint8Array, path: string): Promise<InspectedModel> {
  const metadata = modelMetadataFromOnnx(bytes, path);
  const graph = readGraph(bytes, path);
  checkNetwork(graph, metadata, path);
  await verifyHashes(bytes, graph, path);
  return { metadata, carried: new Map([...readOnnxMetadata(bytes, path), ...graph.texts]) };
}
