import { InvalidArtifactError, isJsonObject, type Plans, type RawDataset } from "@nnunet/core";
import { exists, readJson } from "@nnunet/core/node";
import { type Folders, givenUpPath } from "../folders.ts";
import type { GivenUpRecord } from "../records/given-up-record.ts";

/**
 * What the run with a budget that trained a plan gave up; undefined where there was none.
 *
 * @throws {InvalidArtifactError} if its file says something else
 */
export async function givenUpFor(
  folders: Folders,
  { name }: RawDataset,
  { plansName }: Pick<Plans, "plansName">,
): Promise<GivenUpRecord | undefined> {
  const path = givenUpPath(folders, name, plansName);
  if (!(await exists(path))) return undefined;
  const json = await readJson(path);
  const { budget, givenUp } = isJsonObject(json) ? json : {};
  const isText = (value: unknown): value is string => typeof value === "string";
  if (!isText(budget)) throw new InvalidArtifactError(path, "budget", 'expected a text such as "60 min"');
  if (!Array.isArray(givenUp) || !givenUp.every(isText)) {
    throw new InvalidArtifactError(path, "givenUp", "expected a list of sentences");
  }
  return { budget, givenUp };
}
