import { randomBytes } from "node:crypto";
import { writeSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";

/*
 * What is in the making has a temporary name beside its final one. A process that is killed cannot remove what it began,
 * so each such name is told to the process that watches over it, where there is one.
 */

/** "<process id>:<file descriptor>"; an environment variable, because worker threads inherit it. */
const listener = "NNUNET_TEMPORARIES";

/**
 * A name beside `path` for a file or folder in the making. Whoever makes it renames it when it is whole.
 *
 * @param ending - of the name; a writer that chooses the format by the ending needs its own
 * @param hidden - with a dot in front, so that listings leave it out
 * @example temporaryBeside("out/a.nii.gz"); // "out/a.nii.gz.4711-9f86d081.tmp"
 */
export function temporaryBeside(
  path: string,
  { ending = "", hidden = false }: { readonly ending?: string; readonly hidden?: boolean } = {},
): string {
  const stem = ending ? path.slice(0, -ending.length) : path;
  const name = `${hidden ? "." : ""}${basename(stem)}.${process.pid}-${randomBytes(4).toString("hex")}.tmp${ending}`;
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
