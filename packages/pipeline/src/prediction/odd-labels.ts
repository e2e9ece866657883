import { FileError, type LabelSet, show } from "@nnunet/core";

/**
 * Looks at the segmentation that a stage of one's own made.
 *
 * @param subject - "predictor mine, case liver_3"
 * @param voxels - of the image
 * @throws {FileError} if it is no array of that many labels of the dataset
 */
export function refuseOddLabels(given: unknown, voxels: number, { allowed }: LabelSet, subject: string): void {
  if (!(given instanceof Int16Array && given.length === voxels)) {
    throw new FileError(subject, `makes ${show(given)}, expected an Int16Array of ${voxels} labels`);
  }
  const known = new Set(allowed);
  const odd = given.find((label) => !known.has(label));
  if (odd === undefined) return;
  throw new FileError(subject, `makes label ${odd}, which dataset.json does not have (${allowed.join(", ")})`);
}
