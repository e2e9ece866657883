import { readdir } from "node:fs/promises";
import { type Pipeline, plansAmong, preprocessedPaths } from "@nnunet/pipeline";
import type { CommonFlags } from "./options/options.ts";

/**
 * The line that names the next command: the words as they stand, then the folder flags that were given, quoted where a
 * shell needs it, so that the line works when it is copied.
 *
 * @example nextHint(["plan", "4"], { raw: "my data" }); // "Next: nnunet plan 4 --raw 'my data'"
 */
export function nextHint(words: readonly string[], { raw, preprocessed, results }: CommonFlags): string {
  const roots = Object.entries({ "--raw": raw, "--preprocessed": preprocessed, "--results": results });
  const given = roots.flatMap(([flag, folder]) => (folder === undefined ? [] : [flag, folder]));
  return `Next: nnunet ${[...words, ...given].map(shellWord).join(" ")}`;
}

/** The command that predicts with a model, copied as it stands. */
export function useIt(model: string, input = "IMAGES", output = "SEGMENTATIONS"): string {
  return `Use it: nnunet ${["predict", "-i", input, "-o", output, "-m", model].map(shellWord).join(" ")}`;
}

/** `--plans NAME`, where a command for this dataset would not find that plan without it. */
export async function plansFlag(pipeline: Pipeline, datasetName: string, plansName: string): Promise<string[]> {
  const { folder } = preprocessedPaths(pipeline.folders, datasetName);
  const { own } = plansAmong(await readdir(folder).catch(() => []));
  return own.length === 1 && own[0] === plansName ? [] : ["--plans", plansName];
}

/** A word as a shell takes it: in single quotes unless it is plain. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
