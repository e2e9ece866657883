import { ImageFileError } from "@nnunet/core";
import type { DicomImage } from "./dicom-image.ts";

/**
 * The slices of a series are of one patient, by one modality. A file that says nothing is taken for one of them. Whose they are
 * is nobody's business: only the files are named.
 *
 * @throws {ImageFileError} naming the first file that is of another
 */
export function checkOneSubject(images: readonly DicomImage[]): void {
  const subjects = { PatientID: "of another patient", Modality: "of another modality" } as const;
  const said = (image: DicomImage, field: keyof typeof subjects) =>
    field === "PatientID" ? image.patientId : image.modality;
  for (const [field, problem] of Object.entries(subjects) as [keyof typeof subjects, string][]) {
    const first = images.find((image) => said(image, field) !== "");
    const other = images.find((image) => said(image, field) !== "" && said(image, field) !== said(first!, field));
    if (!other) continue;
    throw new ImageFileError(
      other.path,
      field,
      `it is ${problem} than ${first!.name}, in the same series; take the files apart, one folder for each`,
    );
  }
}
