import { readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { describeFileError } from "@nnunet/core/node";

/** A folder that was moved out of the way, and its two ways from there. */
export interface SetAside {
  /** `previous_fold_0_1`, or the first number that is free. */
  readonly path: string;
  /** Back to its place, over whatever has begun there since. */
  restore(): Promise<void>;
  remove(): Promise<void>;
}

/** Renames a fold's folder to `previous_<fold>_<n>` beside it; earlier ones are left alone, because hours may be in them. */
export async function setAside(folder: string): Promise<SetAside> {
  const parent = dirname(folder);
  const prefix = `previous_${basename(folder)}_`;
  const taken = (await readdir(parent))
    .filter((name) => name.startsWith(prefix))
    .map((name) => Number(name.slice(prefix.length)));
  const path = join(parent, `${prefix}${Math.max(0, ...taken.filter(Number.isInteger)) + 1}`);
  await rename(folder, path).catch((error) => {
    throw describeFileError(folder, `could not be set aside as ${basename(path)}`, error);
  });
  return {
    path,
    async restore() {
      await rm(folder, { recursive: true, force: true });
      await rename(path, folder);
    },
    remove: () => rm(path, { recursive: true, force: true }),
  };
}
