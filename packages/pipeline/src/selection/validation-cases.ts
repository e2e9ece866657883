import { basename } from "node:path";
import type { EvaluationSummary } from "@nnunet/core";
import { imageStem } from "@nnunet/io";

/** The ids of the validation cases of a fold. */
export function casesOf({ cases }: Pick<EvaluationSummary, "cases">): string[] {
  return cases.map(({ referenceFile }) => caseOf(referenceFile));
}

/** The case of a file of labels, whatever system wrote its path. */
export function caseOf(file: string): string {
  const name = file.split(/[\\/]/).at(-1)!;
  return imageStem(name) ?? basename(name);
}
