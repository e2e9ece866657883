import { readdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { fileSha256 } from "@nnunet/preprocess";
import { setAside } from "../training/set-aside.ts";
import { exists } from "./made-from.ts";

/*
 * A folder that is made as a whole lists the hash of every file, so that half a copy, or one that somebody has changed, is
 * known for it.
 */

/** SHA-256 of every file of a folder by its name, sorted. */
export async function hashesIn(folder: string): Promise<Record<string, string>> {
  const hashes: Record<string, string> = {};
  for (const name of (await readdir(folder)).sort()) hashes[name] = await fileSha256(join(folder, name));
  return hashes;
}

/**
 * Whether a folder holds these files, unchanged, and no others.
 *
 * @param list - name of the file that lists them, which is none of them
 */
export async function holdsExactly(
  folder: string,
  files: Readonly<Record<string, unknown>>,
  list: string,
): Promise<boolean> {
  const there: readonly string[] = await readdir(folder).catch(() => []);
  const others = there.filter((name) => name !== list).sort();
  if (others.join("\n") !== Object.keys(files).sort().join("\n")) return false;
  for (const name of others) {
    if ((await fileSha256(join(folder, name)).catch(() => "")) !== files[name]) return false;
  }
  return true;
}

/**
 * Puts a new folder in the place of another one.
 *
 * @param temporary - the new one, whole
 * @param keep - what was there stays beside it, because it is somebody's work
 * @returns where that lies now, if it is kept
 */
export async function replaceFolder(temporary: string, folder: string, keep: boolean): Promise<string | undefined> {
  if (!(await exists(folder))) {
    await rename(temporary, folder);
    return undefined;
  }
  const aside = await setAside(folder);
  try {
    await rename(temporary, folder);
  } catch (error) {
    await aside.restore();
    throw error;
  }
  if (keep) return aside.path;
  await aside.remove();
  return undefined;
}
