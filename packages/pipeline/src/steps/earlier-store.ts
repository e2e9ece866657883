import { readdir, rename, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { exists, makeFolder } from "@nnunet/core/node";

/**
 * Preprocessed cases lay in the folder that nnU-Net v2 uses, too, before they had one of their own. They are moved, not made
 * again; what they are made from is compared afterwards as always.
 *
 * @param from - the earlier folder; it goes if nothing else is in it
 * @param ids - of the dataset's cases
 */
export async function moveEarlierCases(from: string, to: string, ids: readonly string[]): Promise<void> {
  const there = new Set(await readdir(from).catch(() => []));
  const own = ids.map((id) => `${id}.zarr`).filter((name) => there.has(name));
  if (own.length === 0) return;
  await makeFolder(to);
  for (const name of own) {
    // another process may have moved it, or made it anew there
    if (!(await exists(join(to, name)))) await rename(join(from, name), join(to, name)).catch(() => {});
  }
  await rmdir(from).catch(() => {});
}
