import { readdir } from "node:fs/promises";
import { isDeepStrictEqual } from "node:util";
import { datasetToJson, FileError, type Plans, plansToJson, type RawDataset } from "@nnunet/core";
import { readJson, writeJsonAtomic } from "@nnunet/core/node";
import { type Folders, preprocessedPaths, resultsPaths } from "./folders.ts";
import { exists } from "./made-from.ts";

/**
 * Writes what any reader of a trained model needs beside its folds: the plan with the sizes that are really trained,
 * dataset.json and the fingerprint.
 *
 * Folds of one folder are averaged, so they must have one network.
 *
 * @param conflict - called with one sentence if other folds there have another network or batch size; may throw
 */
export async function describeModel(
  folders: Folders,
  dataset: RawDataset,
  plans: Plans,
  configurationName: string,
  foldName: string,
  conflict: (folder: string, text: string) => void,
): Promise<void> {
  const paths = resultsPaths(folders, dataset.name, plans.plansName, configurationName);
  const json = JSON.parse(JSON.stringify(plansToJson(plans)));
  if (await exists(paths.plans)) {
    const others = (await readdir(paths.folder)).filter((name) => name.startsWith("fold_") && name !== foldName);
    const before = (await readJson(paths.plans)) as { configurations?: Record<string, unknown> } | null;
    const planned = before?.configurations?.[configurationName];
    if (others.length > 0 && !isDeepStrictEqual(planned, json.configurations[configurationName])) {
      conflict(
        paths.folder,
        `holds ${others.join(", ")}, trained with another network or batch size, which cannot be averaged with this one`,
      );
    }
  }
  await writeJsonAtomic(paths.plans, json);
  await writeJsonAtomic(paths.dataset, datasetToJson(dataset.json));
  const fingerprint = preprocessedPaths(folders, dataset.name).fingerprint;
  if (await exists(fingerprint)) await writeJsonAtomic(paths.fingerprint, await readJson(fingerprint));
}

/** The `conflict` of a command that may not spoil what is there. */
export function refuseConflict(folder: string, text: string): never {
  throw new FileError(folder, `${text}; choose another --results folder, or add --overwrite`);
}
