import { counted, type RawDataset } from "@nnunet/core";
import { findDatasetFolder, openDataset } from "@nnunet/io";
import { createPipeline, type Pipeline } from "@nnunet/pipeline";
import type { CommonFlags } from "./options.ts";

export const datasetArgument = "<dataset>";
export const datasetDescription = "id (4), name (Dataset004_Hippocampus or Hippocampus) or folder of a raw dataset";

/** The default stages over the folders that the flags and the environment name. */
export function pipelineOf({ raw, preprocessed, results }: CommonFlags): Pipeline {
  return createPipeline({}, { raw, preprocessed, results });
}

/** Opens what the user named: an id, a name or a folder. */
export async function openNamedDataset(pipeline: Pipeline, name: string): Promise<RawDataset> {
  return openDataset(await findDatasetFolder(pipeline.folders.raw, name));
}

/** "20 training cases, 1 test case" */
export function casesOf({ trainingCases, testCases }: RawDataset): string {
  return `${counted(trainingCases.length, "training case")}, ${counted(testCases.length, "test case")}`;
}
