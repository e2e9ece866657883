import { type ModelMetadata, modelMetadataFromOnnx, readOnnxMetadata } from "@nnunet/core";
import { checkNetwork } from "./check-network.ts";
import { type Graph, readGraph } from "./read-graph.ts";
import { floatsOf } from "./read-weight.ts";
import { isConstant, verifyHashes } from "./verify-hashes.ts";

/** A model that was looked at from the first byte to the last. */
export interface InspectedModel {
  readonly metadata: ModelMetadata;
  /** Every text in the file beside the names of its tensors, by its key or place: whoever gets the model can read them. */
  readonly carried: ReadonlyMap<string, string>;
}

/**
 * The weights of a model by their names in the network, once it was looked at as {@link inspectModel} does; of a mean of
 * several networks those of the first.
 *
 * @throws {InvalidArtifactError} what does not belong there, and where
 */
export async function readModelWeights(
  bytes: Uint8Array,
  path: string,
): Promise<{ readonly metadata: ModelMetadata; readonly weights: ReadonlyMap<string, StoredWeight> }> {
  const { metadata, graph } = await readModel(bytes, path);
  const prefix = metadata.folds.length > 1 ? "fold0." : "";
  const weights = new Map<string, StoredWeight>();
  for (const weight of graph.weights.values()) {
    const { name, type, shape } = weight;
    if (type !== "float32" || isConstant(name) || !name.startsWith(prefix)) continue;
    weights.set(name.slice(prefix.length), { data: floatsOf(weight), shape });
  }
  return { metadata, weights };
}

/** A weight, float32 in C order. */
interface StoredWeight {
  readonly data: Float32Array;
  readonly shape: readonly number[];
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
  const { metadata, graph } = await readModel(bytes, path);
  return { metadata, carried: new Map([...readOnnxMetadata(bytes, path), ...graph.texts]) };
}

/** {@link inspectModel} for one that goes on with the network. */
export async function readModel(bytes: Uint8Array, path: string): Promise<{ metadata: ModelMetadata; graph: Graph }> {
  const metadata = modelMetadataFromOnnx(bytes, path);
  const graph = readGraph(bytes, path);
  checkNetwork(graph, metadata, path);
  await verifyHashes(bytes, graph, path);
  return { metadata, graph };
}
