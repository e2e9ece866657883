import { stat } from "node:fs/promises";
import { describeFileError } from "@nnunet/core/node";
import type { ArtefactDescription } from "./artefact-description.ts";
import { describeFile } from "./describe-file.ts";
import { describeFolder } from "./describe-folder.ts";
import type { CommonFlags } from "../options/options.ts";

/**
 * Says in words what any artefact is.
 *
 * @param flags - the folders that were given, for the command it suggests
 * @throws {FileError} if there is nothing of that name
 * @throws {InvalidArtifactError | ImageFileError} if it is one of ours, but damaged
 */
export async function describeArtefact(path: string, flags: CommonFlags = {}): Promise<ArtefactDescription> {
  const found = await stat(path).catch((error) => {
    throw describeFileError(path, "could not be read", error);
  });
  return found.isDirectory() ? describeFolder(path, flags) : describeFile(path, found.size);
}
