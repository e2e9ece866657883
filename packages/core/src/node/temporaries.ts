import { randomBytes } from "node:crypto";
import { writeSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";

/*
 * What is in the making has a temporary name beside its final one. A process that is killed cannot remove what it began,
 * so each such name is told to the process that watches over it, where there is one.
 */

/** "<process id>:<file descriptor>"; an environment variable, because worker threads inherit it. */
const listener = "NNUNET_TEMPORARIES";
/** "<process id>:<random>", likewise: a container may have a process of the same number, at work in the same folder. */
const marker = "NNUNET_PROCESS";

if (process.env[marker]?.split(":")[0] !== String(process.pid)) {
  process.env[marker] = `${process.pid}:${randomBytes(4).toString("hex")}`;
}

/** What all temporary names of this process and its threads have in common, and no other's: "4711-9f86d081". */
export const ownMark = (process.env[marker] ?? "").replace(":", "-");

/**
 * A name beside `path` for a file or folder in the making. Whoever makes it renames it when it is whole.
 *
 * @param ending - of the name; a writer that chooses the format by the ending needs its own
 * @param hidden - with a dot in front, so that listings leave it out
 * @example temporaryBeside("out/a.nii.gz"); // "out/a.nii.gz.4711-9f86d081-1b2c3d4e.tmp"
 */
export function temporaryBeside(
  path: string,
  { ending = "", hidden = false }: { readonly ending?: string; readonly hidden?: boolean } = {},
): string {
  const stem = ending ? path.slice(0, -ending.length) : path;
  const name = `${hidden ? "." : ""}${basename(stem)}.${ownMark}-${randomBytes(4).toString("hex")}.tmp${ending}`;
  const temporary = join(dirname(stem), name);
  tellTemporary(temporary);
  return temporary;
}

/** Tells the process that watches over this one of a file that must not outlive it. */
export function tellTemporary(path: string): void {
  const [process_, descriptor] = (process.env[listener] ?? "").split(":").map(Number);
  if (process_ === process.pid && descriptor !== undefined) {
    try {
      writeSync(descriptor, `${resolve(path)}\0`);
    } catch {
      // nobody listens any more: the name says to whom the leftovers belonged
    }
  }
}

/** From now on every thread of this process tells its temporary names, each ended by NUL, to this file descriptor. */
export function tellTemporariesTo(descriptor: number): void {
  process.env[listener] = `${process.pid}:${descriptor}`;
}

/**
 * Removes what a process that has ended had in the making: in a folder that it had the right to write, and beside that.
 *
 * @param mark - of the process
 * @param target - file or folder
 */
export async function removeTemporariesOf(mark: string, target: string): Promise<void> {
  if (!/^\d+-[0-9a-f]{8}$/.test(mark)) return; // out of a file that anybody may have written
  const path = resolve(target);
  const namesIn = async (folder: string, recursive: boolean) => {
    const names: string[] = await readdir(folder, { recursive }).catch(() => []);
    return names.filter((name) => basename(name).includes(`.${mark}-`)).map((name) => join(folder, name));
  };
  const left = [...(await namesIn(path, true)), ...(await namesIn(dirname(path), false))];
  for (const each of left) await rm(each, { recursive: true, force: true });
}
