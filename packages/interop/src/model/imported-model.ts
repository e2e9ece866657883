import type { ModelOrigin } from "@nnunet/core";
import type { FoldTraining } from "./fold-agreement.ts";
import { type ExportMetadata, type NetworkGraph, type Weights, writeOnnxModel } from "@nnunet/unet-model";

/** A trained network of another tool, ready to be written as `model.onnx`. */
export interface ImportedModel {
  readonly graph: NetworkGraph;
  /** One set per fold. */
  readonly weights: readonly Weights[];
  readonly metadata: ExportMetadata & { readonly origin: ModelOrigin };
  /** Folders of the folds, where they lie in a folder: what else of the training is beside the checkpoints. */
  readonly foldFolders: readonly string[];
  /** What its user should know, one sentence each: that a file asks for a program to be run, which was not done. */
  readonly warnings: readonly string[];
}

/** One fold, with what is compared with other folds before they are averaged. */
export interface ImportedFold extends ImportedModel {
  readonly training: FoldTraining;
}

/** The bytes of one `model.onnx` that averages all folds of an imported model. */
export function importedOnnx({ graph, weights, metadata }: ImportedModel): Uint8Array {
  return writeOnnxModel(graph, weights, metadata);
}

/** The bytes of a `model.onnx` for each fold, made one after the other. */
export function* importedFolds({ graph, weights, metadata }: ImportedModel): Generator<Uint8Array> {
  for (const [i, fold] of metadata.folds.entries()) {
    const origin = { ...metadata.origin, files: [metadata.origin.files[i]!] };
    yield writeOnnxModel(graph, [weights[i]!], { ...metadata, folds: [fold], origin });
  }
}
