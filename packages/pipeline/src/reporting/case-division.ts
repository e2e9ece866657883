import type { RawDataset, Splits } from "@nnunet/core";
import { dividedGroup } from "@nnunet/evaluate";
import type { ReportData } from "@nnunet/report";
import { type Folders, preprocessedPaths } from "../folders.ts";
import { type CaseGroups, groupedBy } from "../training/case-groups.ts";
import { heldOutSplits } from "../training/division.ts";

/**
 * How many groups of cases that belong together there are, by what they were told, and whether the folds keep them together;
 * undefined where no groups were told. No group is named: often it is a patient.
 */
export async function caseDivision(
  folders: Folders,
  dataset: RawDataset,
  groups: CaseGroups,
  splits: Splits | undefined,
): Promise<ReportData["division"]> {
  const own = dataset.trainingCases.map(({ id }) => groups.get(id)).filter((group) => group !== undefined);
  if (own.length === 0) return undefined;
  const by = await groupedBy(preprocessedPaths(folders, dataset.name).madeFrom);
  return {
    groups: new Set(own).size,
    isKept: splits === undefined || dividedGroup(heldOutSplits(splits), groups) === undefined,
    ...(by !== undefined && { by: inWords(by) }),
  };
}

/**
 * Where a table lies is nobody's business.
 *
 * @example inWords("/home/anna/patients.csv:patient"); // "the column patient of a table"
 */
function inWords(by: string): string {
  const column = /\.(?:csv|tsv):([^:]+)$/i.exec(by)?.[1];
  return column === undefined ? `the pattern ${by} of the case id` : `the column ${column} of a table`;
}
