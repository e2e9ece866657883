import { lstat, rename } from "node:fs/promises";
import { FileError } from "@nnunet/core";
import { copyFileAtomic, exists, readJson, writeJsonAtomic } from "@nnunet/core/node";
import { contentHash, recordedHash, recordHash } from "./made-from.ts";

/*
 * Folders of nnU-Net's layout are shared with other tools, Python nnU-Net before all. What of them we wrote, and what
 * has been done to it since, is known by the hash of each artefact as it was written.
 */

/** Whose an artefact is: ours, ours and changed by hand since, or another tool's (or a person's). */
export type Origin = "absent" | "ours" | "edited" | "foreign";

/** @param name - of the artefact in the record */
export async function originOf(madeFrom: string, name: string, path: string): Promise<Origin> {
  if (!(await exists(path))) return "absent";
  const written = await recordedHash(madeFrom, asWritten(name));
  if (written !== undefined) return contentHash(await readJson(path)) === written ? "ours" : "edited";
  return (await recordedHash(madeFrom, name)) === undefined ? "foreign" : "ours";
}

/** Writes an artefact and notes it as ours. */
export async function writeOwn(madeFrom: string, name: string, path: string, json: unknown): Promise<void> {
  await writeJsonAtomic(path, json);
  await recordHash(madeFrom, asWritten(name), contentHash(JSON.parse(JSON.stringify(json))));
}

/**
 * Copies a file that was edited by hand to `<name>.edited.json`, or `.edited_2.json`, …: an earlier copy is somebody's
 * work, too.
 *
 * @returns where the copy lies
 */
export async function keepEdited(path: string): Promise<string> {
  const copy = (n: number) => path.replace(/\.json$/, `.edited${n === 1 ? "" : `_${n}`}.json`);
  let n = 1;
  while (await exists(copy(n))) n++;
  // what a link leads to is not ours to copy: the link itself is kept
  if ((await lstat(path)).isSymbolicLink()) await rename(path, copy(n));
  else await copyFileAtomic(path, copy(n));
  return copy(n);
}

/**
 * A folder that we fill and refill, so that whatever lies in it under our names goes: it must not lie elsewhere.
 *
 * @throws {FileError} if it is a link
 */
export async function refuseLink(folder: string): Promise<void> {
  const found = await lstat(folder).catch(() => undefined);
  if (found?.isSymbolicLink()) {
    throw new FileError(folder, "is a link, and the results that go here replace others; put a folder in its place");
  }
}

const asWritten = (name: string) => `${name} as written`;
