import { ImageFileError } from "@nnunet/core";
import type { DicomImage } from "./dicom-image.ts";

const subjects = [
  { field: "PatientID", subject: "patient", of: (image: DicomImage) => image.patientId },
  { field: "Modality", subject: "modality", of: (image: DicomImage) => image.modality },
];

/**
 * The slices of a series are of one patient, by one modality. A file that says nothing is taken for one of them. Whose they are
 * is nobody's business: only the files are named.
 *
 * @throws {ImageFileError} naming the first file that is of another
 */
export function checkOneSubject(images: readonly DicomImage[]): void {
  for (const { field, subject, of } of subjects) {
    const [first, ...rest] = images.filter((image) => of(image) !== "");
    const other = rest.find((image) => of(image) !== of(first!));
    if (!other) continue;
    throw new ImageFileError(
      other.path,
      field,
      `it is of another ${subject} than ${first!.name}, in the same series; take the files apart, one folder for each`,
    );
  }
}
