import { isAbsolute, join, relative, sep } from "node:path";
import { FileError } from "../errors.ts";
import { show } from "../text/show.ts";

/** The longest name that the file systems of Linux, macOS and Windows take. */
const longestName = 255;

/**
 * The path of a file or folder whose names come from somewhere else: each name is one step down, and the result lies
 * below its root. The schemas refuse other names already; this is the second lock, where the path is made.
 *
 * @throws {FileError} naming the root and the name that leads out of it
 * @example pathBelow("/data/results", "Dataset004_Hippocampus", "fold_0"); // "/data/results/Dataset004_Hippocampus/fold_0"
 */
export function pathBelow(root: string, ...names: readonly string[]): string {
  let path = root;
  for (const name of names) {
    const next = join(path, name);
    const step = relative(path, next);
    const isOneStep = step === name && name !== "" && !isAbsolute(step) && !/[/\\\0]/.test(name) && step !== "..";
    if (!isOneStep || next.split(sep).at(-1) !== name) {
      throw new FileError(
        root,
        `${show(name)} is not the name of one file or folder in it; nothing is read or written there`,
      );
    }
    if (Buffer.byteLength(name) > longestName) {
      throw new FileError(root, `the name ${show(name)} is longer than ${longestName} bytes; choose shorter names`);
    }
    path = next;
  }
  return path;
}
