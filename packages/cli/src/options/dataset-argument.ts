import { counted, FileError, type RawDataset } from "@nnunet/core";
import { findDatasetFolder, openDataset } from "@nnunet/io";
import {
  convertedFolder,
  createPipeline,
  findConfig,
  isUnconverted,
  loadConfig,
  type Pipeline,
  resolveFolders,
} from "@nnunet/pipeline";
import { shellWord } from "../next-hint.ts";
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

/**
 * Opens what the user named: an id, a name or a folder; of the Decathlon's folder what it was converted to.
 *
 * @throws {FileError} with the command that converts, where that has not been done
 */
export async function openNamedDataset({ folders }: Pipeline, name: string): Promise<RawDataset> {
  if (!isUnconverted(name)) return openDataset(await findDatasetFolder(folders.raw, name));
  const converted = await convertedFolder(folders, name);
  if (converted !== undefined) return openDataset(converted);
  const usual = resolveFolders({}, process.env, process.cwd()).raw;
  const words = ["convert", name, ...(folders.raw === usual ? [] : ["--raw", folders.raw])];
  throw new FileError(name, `is not converted yet; "nnunet ${words.map(shellWord).join(" ")}" does it`);
}

/** "20 training cases, 1 test case" */
export function casesOf({ trainingCases, testCases }: RawDataset): string {
  return `${counted(trainingCases.length, "training case")}, ${counted(testCases.length, "test case")}`;
}
