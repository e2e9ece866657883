import type { DicomChoice, DicomVolumeInfo } from "@nnunet/io/bytes";

/** What is segmented: NIfTI files, one per channel or one with all, or a volume of DICOM files. */
export interface GivenImage {
  readonly kind: "nifti" | "dicom";
  /** Of NIfTI in the order of the channels. */
  readonly files: readonly File[];
  /** Of the case: what its files are called, or their folder. */
  readonly name: string;
  /** Of DICOM with several volumes: which. */
  readonly choice?: DicomChoice;
}

/** NIfTI files as one image. */
export function niftiImage(files: readonly File[]): GivenImage {
  const inOrder = [...files].sort((a, b) => a.name.localeCompare(b.name, "en"));
  return { kind: "nifti", files: inOrder, name: inOrder[0]!.name.replace(/(_0000)?\.nii(\.gz)?$/i, "") };
}

/** The files of a series, called as their folder where they came in one. */
export function dicomImage(files: readonly File[]): GivenImage {
  const folder = files[0]!.webkitRelativePath.split("/").at(-2);
  return { kind: "dicom", files, name: folder ?? (files.length === 1 ? files[0]!.name : "DICOM series") };
}

/** One of the volumes of a folder; called after its series as well, so that the results of two are told apart. */
export function chosenVolume(given: GivenImage, { choice, description }: DicomVolumeInfo, place: number): GivenImage {
  const series = description || `series ${place}`;
  const name = [given.name, series, choice.volume].filter((part) => part !== undefined).join(" ");
  return { ...given, name, choice };
}

/** For people: "CT \"t2 tse sag\", EchoTime 4.6: 24 slices". */
export function describeVolume({ modality, description, label, slices, choice }: DicomVolumeInfo): string {
  const which = description ? `“${description}”` : choice.seriesUid;
  const parts = [`${modality} ${which}`.trim(), label].filter((part) => part !== "");
  return `${parts.join(", ")}: ${slices} ${slices === 1 ? "slice" : "slices"}`;
}

/** For people: the names of its files, or how many they are. */
export function describeGiven({ kind, files, name }: GivenImage): string {
  if (kind === "nifti") return files.map((file) => file.name).join(", ");
  return files.length === 1 ? name : `${name} (${files.length} files)`;
}
