import { type EvaluationSummary, FileError, type RawDataset } from "@nnunet/core";
import { pathBelow } from "@nnunet/core/node";
import { imageStem } from "@nnunet/io";

/** A validation case by its files. */
export interface CasePair {
  readonly id: string;
  readonly reference: string;
  readonly prediction: string;
  /** Of cases that belong together. */
  readonly group?: string;
}

/** The ids of the validation cases of a fold. */
export function casesOf({ cases }: Pick<EvaluationSummary, "cases">): string[] {
  return cases.map(({ referenceFile }) => caseOf(referenceFile));
}

/** The name of a file, whatever system wrote its path. */
export const fileName = (path: string): string => path.split(/[\\/]/).at(-1)!;

/** The case of a file of labels, whatever system wrote its path. */
export function caseOf(file: string): string {
  const name = fileName(file);
  return imageStem(name) ?? name;
}

/**
 * The files behind a summary: the dataset's own labels, and the predictions beside the summary, so that a results folder
 * may have been moved since they were written.
 *
 * @param folder - of the predictions
 * @throws {FileError} if a case is none of the dataset any more
 */
export function casePairs(
  dataset: RawDataset,
  folder: string,
  { cases }: Pick<EvaluationSummary, "cases">,
): CasePair[] {
  const byId = new Map(dataset.trainingCases.map((files) => [files.id, files]));
  return cases.map(({ referenceFile, predictionFile, group }) => {
    const id = caseOf(referenceFile);
    const reference = byId.get(id)?.label;
    if (reference === undefined) {
      throw new FileError(folder, `holds a prediction of case ${id}, which is no training case of ${dataset.name}`);
    }
    const prediction = pathBelow(folder, fileName(predictionFile));
    return { id, reference, prediction, ...(group !== undefined && { group }) };
  });
}
