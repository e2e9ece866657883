import { relative, sep } from "node:path";
import type { RawDataset } from "@nnunet/core";
import type { Folders } from "../folders.ts";
import type { Context } from "../stages.ts";
import { stageWords } from "./command-words.ts";
import type { RunOptions } from "./run-options.ts";

/** What every job of a run is made from. */
export interface Run {
  readonly context: Context;
  readonly dataset: RawDataset;
  readonly options: RunOptions;
  /** SHA-256 per training case. */
  readonly inputHashes: ReadonlyMap<string, string>;
}

/** The words of a job's command; none where the run has what no command line can say. */
export function commandOf({ context }: Run, words: readonly string[] | undefined): readonly string[] {
  const stages = words && stageWords(words, context.stages);
  return words && stages ? [...words, ...stages] : [];
}

const rootNames = { raw: "nnUNet_raw", preprocessed: "nnUNet_preprocessed", results: "nnUNet_results" } as const;

/**
 * A path below one of the three folders as it is called on every machine.
 *
 * @example placeIn(folders, "/data/results/Dataset004_Hippocampus"); // "nnUNet_results/Dataset004_Hippocampus"
 */
export function placeIn(folders: Folders, path: string): string {
  for (const [root, name] of Object.entries(rootNames) as [keyof Folders, string][]) {
    const below = relative(folders[root], path);
    if (below !== "" && below !== ".." && !below.startsWith(`..${sep}`)) return [name, ...below.split(sep)].join("/");
  }
  return path;
}
