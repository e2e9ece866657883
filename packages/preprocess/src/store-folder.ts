import { readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { describeFileError, makeFolder, pathBelow, temporaryBeside } from "@nnunet/core/node";

/** The group of one case, `<folder>/<id>.zarr`. */
export function storePath(folder: string, id: string): string {
  return pathBelow(folder, `${id}.zarr`);
}

/**
 * Makes the group of one case under a temporary name and renames it when it is complete: a kill at any moment leaves the
 * old group, none, or the new one. Leftovers of a killed run are removed by the next write of that case.
 *
 * @param folder - made if missing
 * @param write - fills the temporary folder, which is not there yet
 * @throws {FileError} if the disk is full or the folder cannot be written; nothing is left behind
 */
export async function writeStore<T>(folder: string, id: string, write: (temporary: string) => Promise<T>): Promise<T> {
  const path = storePath(folder, id);
  const temporary = temporaryBeside(path);
  try {
    await makeFolder(folder);
    await removeLeftovers(folder, id);
    const result = await write(temporary);
    await replaceFolder(temporary, path);
    return result;
  } catch (error) {
    await rm(temporary, { recursive: true, force: true }).catch(() => {});
    throw describeFileError(path, "could not be written", error);
  }
}

/** A folder cannot be renamed onto a full one: the old case steps aside first. */
async function replaceFolder(temporary: string, path: string): Promise<void> {
  const old = temporary.replace(/\.tmp$/, ".old.tmp");
  const replaced = await rename(path, old).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return false;
      throw error;
    },
  );
  await rename(temporary, path);
  if (replaced) await rm(old, { recursive: true, force: true });
}

async function removeLeftovers(folder: string, id: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (name.startsWith(`${id}.zarr.`) && name.endsWith(".tmp")) {
      await rm(join(folder, name), { recursive: true, force: true });
    }
  }
}
