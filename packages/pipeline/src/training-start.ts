import { rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { FileError } from "@nnunet/core";
import type { FoldPaths } from "./folders.ts";
import { exists, recordedHash } from "./made-from.ts";

/** What to do where a fold has been trained or begun. */
export type ExistingTraining = "refuse" | "continue" | "overwrite" | "update";

/** What a training is made from. */
export interface TrainingHashes {
  /** Data, splits, network and batch size, seed: must be the same to continue. */
  readonly network: string;
  /** The same with the number of epochs and steps: must be the same to keep the result. */
  readonly training: string;
}

/**
 * Whether to train from the start, go on from a checkpoint, or keep what is there; clears the folder for a new start.
 *
 * "refuse" never touches a training. "continue" goes on from its latest checkpoint. "overwrite" removes it. "update"
 * keeps or continues what was made from the same data, plan and options; anything else is moved aside, to
 * `previous_fold_0`, because hours may be in it.
 *
 * @param message - told in words what is done with an existing training
 * @throws {FileError} if there is one and it may not be touched, or cannot be continued with these options
 */
export async function startTraining(
  { folder, model, checkpoint, latestCheckpoint, madeFrom }: FoldPaths,
  hashes: TrainingHashes,
  existing: ExistingTraining,
  message: (text: string) => void,
): Promise<"afresh" | "resume" | "keep"> {
  const name = basename(folder).replace("_", " ");
  const finished = await exists(model);
  const begun = finished || (await exists(latestCheckpoint)) || (await exists(checkpoint));
  if (!begun || existing === "overwrite") {
    await rm(folder, { recursive: true, force: true });
    return "afresh";
  }
  if (existing === "refuse") {
    const state = finished ? "is trained already" : "holds an unfinished training";
    const goOn = finished ? "" : ", or --continue to go on from its checkpoint";
    throw new FileError(folder, `${name} ${state}; add --overwrite to start again${goOn}`);
  }
  const same = (await recordedHash(madeFrom, "training")) === hashes.training;
  if (same && finished) {
    message(`${name} is up to date`);
    return "keep";
  }
  if (existing === "update" && !same) {
    const aside = join(dirname(folder), `previous_${basename(folder)}`);
    await rm(aside, { recursive: true, force: true });
    await rename(folder, aside);
    message(`${name} was trained with other data, plan or options; it is kept as ${aside}, and trained again`);
    return "afresh";
  }
  if ((await recordedHash(madeFrom, "network")) !== hashes.network) {
    throw new FileError(
      folder,
      "cannot be continued: it was begun with other data, splits, network sizes, batch size or seed; give the same options, or --overwrite",
    );
  }
  return "resume";
}
