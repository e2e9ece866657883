import { isJsonObject } from "@nnunet/core";
import { createHash } from "node:crypto";
import { exists, readJson, whileLocked, writeJsonAtomic } from "@nnunet/core/node";

export { exists };

/*
 * Whether an artefact must be made again is decided by content, never by time: beside the artefacts lies a small
 * `made_from.json` with one SHA-256 per artefact of everything that it was made from.
 */

/**
 * SHA-256, hex, of a value as JSON with sorted keys, so that the order of keys does not matter.
 *
 * @example contentHash({ b: 1, a: 2 }) === contentHash({ a: 2, b: 1 }); // true
 */
export function contentHash(value: unknown): string {
  return createHash("sha256")
    .update(JSON.stringify(value, sortedKeys) ?? "")
    .digest("hex");
}

function sortedKeys(_key: string, value: unknown): unknown {
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The recorded hash of an artefact; undefined if none is recorded or the record cannot be read. */
export async function recordedHash(madeFrom: string, artefact: string): Promise<string | undefined> {
  const recorded = (await readRecord(madeFrom))[artefact];
  return typeof recorded === "string" ? recorded : undefined;
}

/** Records what an artefact was made from. Called after the artefact is written, so a kill between makes it again. */
export async function recordHash(madeFrom: string, artefact: string, hash: string): Promise<void> {
  await changeRecord(madeFrom, (record) => ({ ...record, [artefact]: hash }));
}

/** Reads a record, changes it and writes it, while nobody else does: several processes may work in one folder. */
export async function changeRecord(
  madeFrom: string,
  change: (record: Readonly<Record<string, unknown>>) => Record<string, unknown>,
): Promise<void> {
  const write = async () => writeJsonAtomic(madeFrom, change(await readRecord(madeFrom)));
  const locked = () => whileLocked(madeFrom, "recording what is done", write, { wait: { stage: "record" } });
  // Within this process nobody looks again and again whether the lock is free.
  const turn = (changing.get(madeFrom) ?? Promise.resolve()).then(locked, locked);
  changing.set(madeFrom, turn);
  try {
    await turn;
  } finally {
    if (changing.get(madeFrom) === turn) changing.delete(madeFrom);
  }
}

/** The last change of a record that is on its way. */
const changing = new Map<string, Promise<void>>();

export async function readRecord(path: string): Promise<Readonly<Record<string, unknown>>> {
  if (!(await exists(path))) return {};
  try {
    const json = await readJson(path);
    return typeof json === "object" && json !== null ? (json as Record<string, unknown>) : {};
  } catch {
    return {}; // a damaged record only means that the work is done again
  }
}
