import { type EvaluationSummary, FileError, InvalidArtifactError, isJsonObject, type Splits } from "@nnunet/core";
import { exists, readJson } from "@nnunet/core/node";
import { dividedGroup } from "@nnunet/evaluate";
import { changeRecord, readRecord } from "../records/made-from.ts";
import { caseOf } from "../selection/validation-cases.ts";
import { type Folders, preprocessedPaths } from "../folders.ts";
import { heldOutSplits } from "./division.ts";

/** The group of a case that belongs together with others, by its id. */
export type CaseGroups = ReadonlyMap<string, string>;

/**
 * Which cases of a dataset belong together, as it was told when they were divided; nothing where it was not.
 *
 * @throws {InvalidArtifactError} if `case_groups.json` says something else
 */
export async function caseGroups(folders: Folders, datasetName: string): Promise<CaseGroups> {
  const { groups: path } = preprocessedPaths(folders, datasetName);
  if (!(await exists(path))) return new Map();
  const json = await readJson(path);
  if (!isJsonObject(json)) throw new InvalidArtifactError(path, "", 'expected an object { "case": "group" }');
  return new Map(
    Object.entries(json).map(([id, group]) => {
      if (typeof group === "string") return [id, group];
      throw new InvalidArtifactError(path, id, "expected the name of its group");
    }),
  );
}

/**
 * Refuses folds that train on one case of a group and validate on another: what they are validated on, they have seen.
 *
 * @throws {FileError} naming fold, cases and group
 */
export function refuseDividedGroups(
  paths: { readonly splits: string; readonly groups: string },
  splits: Splits,
  groups: CaseGroups,
): void {
  const divided = dividedGroup(heldOutSplits(splits), groups);
  if (!divided) return;
  const [trained, validated] = divided.cases;
  throw new FileError(
    paths.splits,
    `fold ${divided.fold} trains on ${trained} and validates on ${validated}, both of group ${divided.group} by ${paths.groups}; correct the one file or, if the cases do not belong together, move the other away`,
  );
}

const key = "grouped by";

/** Notes by what the groups were told: `patients.csv:patient`, or a pattern. Undefined takes out what was noted. */
export async function noteGroupedBy(madeFrom: string, by: string | undefined): Promise<void> {
  if (by !== (await groupedBy(madeFrom))) await changeRecord(madeFrom, (record) => ({ ...record, [key]: by }));
}

/** By what the groups were told; undefined where that is not known. */
export async function groupedBy(madeFrom: string): Promise<string | undefined> {
  const by = (await readRecord(madeFrom))[key];
  return typeof by === "string" ? by : undefined;
}

/** A summary whose cases say to which group they belong. */
export function withGroups(summary: EvaluationSummary, groups: CaseGroups): EvaluationSummary {
  if (groups.size === 0) return summary;
  const cases = summary.cases.map((each) => {
    const group = groups.get(caseOf(each.referenceFile));
    return group === undefined ? each : { ...each, group };
  });
  return { ...summary, cases };
}
