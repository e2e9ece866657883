import { readdir } from "node:fs/promises";
import { basename } from "node:path";
import { FileError, isJsonObject } from "@nnunet/core";
import { readCheckpoint, recipeOf, type TrainingSettings } from "@nnunet/trainer";
import type { FoldPaths } from "../folders.ts";
import { firstThere } from "../records/first-there.ts";
import { exists, readRecord, recordedHash } from "../records/made-from.ts";

/** What to do where a fold has been trained or begun. */
export type ExistingTraining = "refuse" | "continue" | "overwrite" | "update";

/** What a training is made from. The version of nnunet-ts is no part of it: an upgrade must not cost a training. */
export interface TrainingHashes {
  /** Data, splits, network and batch size, sampling, stages: must be the same to continue. */
  readonly network: string;
  /** The same with the trainer's settings but the engine: must be the same to keep the result. */
  readonly training: string;
}

export type TrainingStart =
  | { readonly kind: "keep" }
  /** After `epochs` finished epochs. */
  | { readonly kind: "resume"; readonly epochs: number }
  /** `before`: what is to become of the folder that is there, if one is. */
  | { readonly kind: "afresh"; readonly before: "none" | "remove" | "set aside" };

export interface TrainingInputs {
  readonly hashes: TrainingHashes;
  readonly settings: TrainingSettings;
  /** The stages that the weights come from, by name. */
  readonly madeBy: Readonly<Record<string, string>>;
}

/**
 * Whether to train from the start, go on from a checkpoint, or keep what is there. Only looks: nothing on disk changes.
 *
 * "refuse" never touches a training. "continue" goes on from its latest checkpoint. "overwrite" removes it. "update"
 * keeps or continues what was made from the same data, plan and options; anything else is set aside.
 *
 * @throws {FileError} if there is a training and it may not be touched, or cannot be continued with these options
 * @throws {InvalidArtifactError} if the checkpoint to continue from is damaged
 */
export async function decideTraining(
  { folder, model, checkpoint, latestCheckpoint, bestCheckpoint, madeFrom }: FoldPaths,
  { hashes, settings, madeBy }: TrainingInputs,
  existing: ExistingTraining,
): Promise<TrainingStart> {
  const name = basename(folder).replace("_", " ");
  const finished = await exists(model);
  const from = await firstThere([checkpoint, latestCheckpoint, bestCheckpoint]);
  const begun = finished || from !== undefined;
  if (!(await exists(folder))) return { kind: "afresh", before: "none" };
  if (existing === "overwrite") return { kind: "afresh", before: "remove" };
  if (!begun) return { kind: "afresh", before: (await holdsWork(folder)) ? "set aside" : "remove" };
  if (existing === "refuse") {
    const state = finished ? "is trained already" : "holds an unfinished training";
    const goOn = finished ? "" : ", `continue` goes on from its checkpoint";
    throw new FileError(folder, `${name} ${state}; \`overwrite\` starts again${goOn}`);
  }
  const same = (await recordedHash(madeFrom, "training")) === hashes.training;
  if (same && finished) return { kind: "keep" };
  if (existing === "update" && !same) return { kind: "afresh", before: "set aside" };
  if ((await recordedHash(madeFrom, "network")) !== hashes.network) {
    refuseOtherStages(folder, (await readRecord(madeFrom))["stages"], madeBy);
    throw new FileError(
      folder,
      "cannot be continued: it was begun with other data, splits, stages, network sizes, batch size or sampling; give the same options, or `overwrite`",
    );
  }
  const earlier = await readCheckpoint(from ?? checkpoint);
  refuseOtherSettings(from ?? checkpoint, earlier.settings, settings);
  return { kind: "resume", epochs: earlier.history.length };
}

/** @param begun - as they were recorded */
function refuseOtherStages(folder: string, begun: unknown, madeBy: Readonly<Record<string, string>>): void {
  const before: Readonly<Record<string, unknown>> = isJsonObject(begun) ? begun : {};
  for (const [stage, now] of Object.entries(madeBy)) {
    if (before[stage] === undefined || before[stage] === now) continue;
    const was = String(before[stage]);
    const what = `cannot be continued with the ${stage} ${now}: it was begun with ${was}`;
    throw new FileError(folder, `${what}; bring the config back to what it was, or \`overwrite\` to start again`);
  }
}

function refuseOtherSettings(checkpoint: string, begun: TrainingSettings, asked: TrainingSettings): void {
  for (const key of Object.keys(recipeOf(asked)) as (keyof TrainingSettings)[]) {
    const [before, now] = [JSON.stringify(begun[key]), JSON.stringify(asked[key])];
    if (before === now) continue;
    throw new FileError(
      checkpoint,
      `cannot be continued with \`${key}\` ${now}: it was begun with ${before}; give \`${key}\` ${before}, or \`overwrite\` to start again`,
    );
  }
}

/** A training that was stopped in its first epoch leaves a folder with a record alone, or what was to become one. */
export async function holdsWork(folder: string): Promise<boolean> {
  return (await readdir(folder)).some((name) => name !== "made_from.json" && !/\.(tmp|lock)$/.test(name));
}
