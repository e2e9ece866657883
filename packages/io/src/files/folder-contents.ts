import { readdir, stat } from "node:fs/promises";
import { FileError } from "@nnunet/core";
import { describeFileError } from "@nnunet/core/node";

/** Names in a folder in code-unit order, hidden ones left out; [] if there is no such folder. */
export async function visibleFiles(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).filter((file) => !file.startsWith(".")).sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw describeFileError(folder, "could not be read", error);
  }
}

/** @throws {FileError} if there is no such folder, or it is a file */
export async function requireFolder(folder: string): Promise<void> {
  const found = await stat(folder).catch((error: unknown) => {
    throw describeFileError(folder, "could not be opened", error);
  });
  if (!found.isDirectory()) throw new FileError(folder, "expected a folder, found a file");
}
