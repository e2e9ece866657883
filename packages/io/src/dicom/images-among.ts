import { FileError, ImageFileError } from "@nnunet/core";
import type { ImageWarning, ReadImageOptions } from "../image-format.ts";
import type { DicomFile } from "./dicom-file.ts";
import type { DicomImage } from "./dicom-image.ts";
import { isDicom, withDicom } from "./open-dicom.ts";
import { dicomImage } from "./parse-image.ts";

/** The images in a folder, or of one file. */
export interface FoundImages {
  readonly images: readonly DicomImage[];
  /** Which files beside them are none, and why. */
  readonly warnings: readonly ImageWarning[];
}

/** A file that may be a slice. */
export interface PossibleSlice {
  readonly file: DicomFile;
  /** Its first bytes, at most {@link prefixBytes}; none of what is no ordinary file. */
  readonly prefix: Uint8Array;
  readonly size: number;
}

export const prefixBytes = 4096;

/**
 * Reads the headers of all files of DICOM among those of a folder. Indexes, reports and what is no DICOM are passed over,
 * and named.
 *
 * @param path - the folder, for errors
 * @throws {FileError} if there is no image among them: says what there is
 * @throws {ImageFileError} for a file that is damaged; it could be a slice
 */
export async function imagesAmong(
  path: string,
  files: AsyncIterable<PossibleSlice> | Iterable<PossibleSlice>,
  { palette }: ReadImageOptions = {},
): Promise<FoundImages> {
  const images: DicomImage[] = [];
  const withoutPixels: string[] = [];
  const foreign: string[] = [];
  const suspicious: PossibleSlice[] = [];
  for await (const possible of files) {
    const { file, prefix } = possible;
    if (!isDicom(prefix)) {
      if (isText(prefix)) foreign.push(file.name);
      else suspicious.push(possible);
      continue;
    }
    const image = await withDicom(file, (open) => dicomImage(open, palette));
    if (image) images.push(image);
    else withoutPixels.push(file.name);
  }
  const others = [...foreign, ...suspicious.map(({ file }) => file.name)];
  if (images.length === 0) throw nothingIn(path, withoutPixels, others);
  // A file named like the slices that is not even text may have been one: passing over it would lose it.
  const endings = new Set(images.map(({ name }) => endingOf(name)));
  const lost = suspicious.find(({ file: { name } }) => endings.has(endingOf(name)) && !isCompanion(name));
  if (lost !== undefined) {
    if (lost.size === 0) throw new ImageFileError(lost.file.path, "", "the file is empty; get it again");
    throw new ImageFileError(
      lost.file.path,
      "",
      'this is no DICOM file: "DICM" is missing at byte 128; remove it, or get it again',
    );
  }
  const warnings = [
    ...passedOver(path, withoutPixels, "hold no pixels", "holds no pixels"),
    ...passedOver(path, others, "are no DICOM", "is no DICOM"),
    ...images.flatMap((image) => image.warnings),
  ];
  return { images, warnings };
}

/** ".dcm"; "" of a name without one. */
function endingOf(name: string): string {
  const dot = name.lastIndexOf(".");
  return dot <= 0 ? "" : name.slice(dot);
}

function passedOver(path: string, names: readonly string[], many: string, one: string): ImageWarning[] {
  if (names.length === 0) return [];
  return [{ path, field: "", problem: `passed over ${listed(names)}, which ${names.length === 1 ? one : many}` }];
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, 5);
  return names.length > 5 ? `${shown.join(", ")} and ${names.length - 5} more` : shown.join(", ");
}

function nothingIn(path: string, withoutPixels: readonly string[], foreign: readonly string[]): FileError {
  if (withoutPixels.length > 0) {
    return new FileError(
      path,
      `its DICOM files hold no pixels (${listed(withoutPixels)}); they are indexes or reports`,
    );
  }
  const files = foreign.length > 0 ? ` (${listed(foreign)})` : "";
  return new FileError(path, `there is no DICOM file in it${files}`);
}

/** Endings of what lies beside slices without being one. */
function isCompanion(name: string): boolean {
  return /\.(txt|md|json|xml|csv|tsv|html?|pdf|jpe?g|png|log|nii|gz|zip)$/i.test(name);
}

function isText(bytes: Uint8Array): boolean {
  return bytes.length > 0 && !bytes.includes(0);
}
