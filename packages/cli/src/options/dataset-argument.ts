import { counted, type RawDataset } from "@nnunet/core";
import { findDatasetFolder, openDataset } from "@nnunet/io";
import { createPipeline, findConfig, loadConfig, type Pipeline } from "@nnunet/pipeline";
import type { Session } from "../session.ts";
import type { CommonFlags, StageFlags } from "./options.ts";

export const datasetArgument = "<dataset>";
export const datasetDescription = "id (4), name (Dataset004_Hippocampus or Hippocampus) or folder of a raw dataset";

/**
 * The stages, those of the config file in place of the default ones, over the folders that the flags and the environment
 * name. A config is code; that it runs is told first.
 */
export async function pipelineOf(
  { raw, preprocessed, results, config }: StageFlags,
  { onEvent }: Pick<Session, "onEvent">,
): Promise<Pipeline> {
  const file = config === false ? undefined : (config ?? findConfig(process.cwd()));
  const folders = { raw, preprocessed, results };
  if (file === undefined) return createPipeline({}, folders);
  const say = (text: string) => onEvent({ type: "message", stage: "config", level: "info", text });
  say(`runs ${file}, which is code, with your rights (--no-config leaves it out)`);
  const stages = await loadConfig(file);
  const named = Object.entries(stages).map(([key, stage]) => `${key} ${stage.name}`);
  say(named.length > 0 ? `replaces ${named.join(", ")}` : "replaces nothing");
  return createPipeline(stages, folders);
}

/** The default stages: for what no config can change. */
export function defaultPipelineOf({ raw, preprocessed, results }: CommonFlags): Pipeline {
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
