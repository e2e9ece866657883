import { existsSync } from "node:fs";
import { join } from "node:path";
import { FileError, InvalidArtifactError } from "@nnunet/core";
import { type CheckpointSettings, readCheckpoint, type StoredCheckpoint } from "./checkpoint.ts";
import { recipeOf } from "./training-settings.ts";

export const checkpointFiles = {
  latest: "checkpoint_latest.safetensors",
  best: "checkpoint_best.safetensors",
  final: "checkpoint_final.safetensors",
} as const;

/**
 * The checkpoint to go on from; undefined if the folder holds no training.
 *
 * @param wanted - whether to go on at all
 * @throws {FileError} if there is a training and it is not wanted
 * @throws {InvalidArtifactError} if it is damaged, or was trained with other settings than the engine; names the setting
 */
export async function findCheckpoint(
  folder: string,
  wanted: boolean,
  settings: CheckpointSettings,
): Promise<StoredCheckpoint | undefined> {
  const kind = (["final", "latest", "best"] as const).find((k) => existsSync(join(folder, checkpointFiles[k])));
  if (!kind) return undefined;
  const path = join(folder, checkpointFiles[kind]);
  if (!wanted) {
    throw new FileError(
      folder,
      "already holds a training; `continue` goes on with it, or move the folder away to start anew",
    );
  }
  const checkpoint = await readCheckpoint(path);
  for (const key of Object.keys(recipeOf(settings)) as (keyof CheckpointSettings)[]) {
    if (JSON.stringify(checkpoint.settings[key]) !== JSON.stringify(settings[key])) {
      throw new InvalidArtifactError(
        path,
        key,
        `was trained with ${JSON.stringify(checkpoint.settings[key])}, now asked for ${JSON.stringify(settings[key])}; use the same value to continue, or move ${folder} away to start anew`,
      );
    }
  }
  return checkpoint;
}
