import { constants } from "node:fs";
import { copyFile } from "node:fs/promises";
import { describeFileError, regularFile } from "@nnunet/core/node";

/**
 * Copies one file, byte by byte; what is there already is not replaced.
 *
 * @throws {FileError} if `from` is missing or no ordinary file, or `to` exists or cannot be written
 */
export async function copyOrdinaryFile(from: string, to: string): Promise<void> {
  await regularFile(from);
  await copyFile(from, to, constants.COPYFILE_EXCL).catch((error: unknown) => {
    throw describeFileError(to, "could not be written", error);
  });
}
