import { readdir, rm, rmdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { holdsWork } from "./training-start.ts";
import { type SetAside, setAside } from "./set-aside.ts";

/** The place of a new training, made free until it is certain that it begins. */
export interface FoldRoom {
  /** The training begins: what it replaces goes for good. Returns where the other trainings lie now. */
  commit(): Promise<readonly string[]>;
  /** Everything is put back as it was; nothing after `commit`. */
  undo(): Promise<void>;
}

/**
 * Moves trainings out of the way of a new one.
 *
 * @param folder - of the new training; need not be there
 * @param before - what is to become of a training in it: stay, be removed when the new one begins, or be kept aside
 * @param others - folders beside it that are kept aside, too
 */
export async function makeRoom(
  folder: string,
  before: "stay" | "remove" | "set aside",
  others: readonly string[],
): Promise<FoldRoom> {
  const moved: SetAside[] = [];
  let committed = false;
  const undo = async () => {
    if (committed) return;
    for (const one of moved.splice(0).reverse()) await one.restore();
    await rmdir(folder).catch(() => {}); // made in vain; fails, as it should, where anything lies in it
  };
  try {
    if (before !== "stay") moved.push(await setAside(folder));
    for (const other of others) moved.push(await setAside(other));
  } catch (error) {
    await undo();
    throw error;
  }
  return {
    async commit() {
      committed = true;
      const kept = before === "remove" ? moved.slice(1) : moved;
      if (before === "remove") await moved[0]!.remove();
      await removeEmptied(folder);
      return kept.map(({ path }) => path);
    },
    undo,
  };
}

/** What a process left aside that was killed here, where nothing but the record of a training lies in it. */
async function removeEmptied(folder: string): Promise<void> {
  const aside = new RegExp(`^previous_${basename(folder)}_\\d+$`);
  for (const name of (await readdir(dirname(folder))).filter((each) => aside.test(each))) {
    const path = join(dirname(folder), name);
    if (!(await holdsWork(path).catch(() => true))) await rm(path, { recursive: true, force: true });
  }
}
