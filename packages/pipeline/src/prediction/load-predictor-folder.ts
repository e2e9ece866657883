import { basename, join } from "node:path";
import { FileError, InvalidArtifactError, type Postprocessor, show } from "@nnunet/core";
import { exists, pathBelow, readJson } from "@nnunet/core/node";
import type { PredictorMember } from "@nnunet/inference";
import { fileSha256 } from "@nnunet/preprocess";
import { predictorPaths } from "../folders.ts";
import type { DecidedPostprocessing } from "./decided-postprocessing.ts";
import { descriptionFromJson, type PredictorDescription } from "./predictor-description.ts";

/** What a final predictor's folder holds. */
export interface PredictorFolder {
  readonly members: readonly PredictorMember[];
  /** Absent where none was decided. */
  readonly postprocessing?: DecidedPostprocessing;
  /** What must be known before it is used. */
  readonly warnings: readonly string[];
  readonly files: readonly string[];
}

/** Whether a path is the folder of a final predictor. */
export function isPredictorFolder(path: string): Promise<boolean> {
  return exists(predictorPaths(path).description);
}

/**
 * Loads a final predictor. Every file is compared with its hash first: a folder that was copied in part, or changed since,
 * predicts nothing.
 *
 * @param load - of one model file
 * @throws {FileError} if a file is missing or another one
 * @throws {InvalidArtifactError} if `predictor.json` says something impossible, or another postprocessor decided
 */
export async function loadPredictorFolder(
  folder: string,
  postprocessor: Postprocessor,
  load: (file: string) => Promise<{ readonly member: PredictorMember; readonly files: readonly string[] }>,
): Promise<PredictorFolder> {
  const paths = predictorPaths(folder);
  const description = descriptionFromJson(await readJson(paths.description), paths.description);
  for (const name of Object.keys(description.files)) {
    await refuseOtherFile(pathBelow(folder, name), description, paths.description);
  }
  const hasPostprocessing = description.postprocessor !== null;
  if (hasPostprocessing && description.postprocessor !== postprocessor.name) {
    throw new InvalidArtifactError(
      paths.description,
      "postprocessor",
      `the postprocessing was decided by ${show(description.postprocessor)}, and the one given is ${show(postprocessor.name)}; give that stage`,
    );
  }
  if (hasPostprocessing && !Object.hasOwn(description.files, "postprocessing.json")) {
    throw new InvalidArtifactError(
      paths.description,
      "files",
      'expected "postprocessing.json" among them; run `findBest()` again',
    );
  }
  const postprocessing = hasPostprocessing && {
    postprocessor,
    decided: postprocessor.fromJson(await readJson(paths.postprocessing), paths.postprocessing),
  };
  const members: PredictorMember[] = [];
  const files: string[] = [];
  for (const { file, configuration } of description.members) {
    const loaded = await load(join(folder, file));
    members.push(loaded.member);
    files.push(...loaded.files);
    const own = loaded.member.models[0]!.metadata.configuration;
    if (own === configuration) continue;
    throw new InvalidArtifactError(
      paths.description,
      "members",
      `${file} is a model of ${own}, not of ${configuration}; run \`findBest()\` again`,
    );
  }
  const { warnings } = description;
  return { members, ...(postprocessing && { postprocessing }), files, warnings };
}

/** @throws {FileError} if a file of a final predictor is missing, or is not the one that was written */
export async function refuseOtherFile(
  file: string,
  { files }: Pick<PredictorDescription, "files">,
  list: string,
): Promise<void> {
  if (!(await exists(file))) {
    throw new FileError(file, `missing; ${list} lists it: copy the whole folder, or run \`findBest()\` again`);
  }
  if ((await fileSha256(file)) === files[basename(file)]) return;
  throw new FileError(
    file,
    `is not the file that ${list} lists (its SHA-256 differs): it was changed or damaged since; copy the folder again, or run \`findBest()\` again`,
  );
}
