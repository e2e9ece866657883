import { stat } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import { FileError, ImageFileError } from "@nnunet/core";
import { describeFileError } from "@nnunet/core/node";
import { visibleFiles } from "../files/folder-contents.ts";
import { readPrefix } from "../files/bounded-file.ts";
import type { ImageWarning, ReadImageOptions } from "../image-format.ts";
import type { DicomImage } from "./dicom-image.ts";
import { isDicom, withDicom } from "./open-dicom.ts";
import { dicomImage } from "./parse-image.ts";

/** The images in a folder, or of one file. */
export interface FoundImages {
  readonly images: readonly DicomImage[];
  /** Which files beside them are none, and why. */
  readonly warnings: readonly ImageWarning[];
}

/**
 * Reads the headers of all files of DICOM in a folder. Indexes, reports and what is no DICOM are passed over, and named.
 *
 * @throws {FileError} if there is no image among them: says what there is
 * @throws {ImageFileError} for a file that is damaged; it could be a slice
 */
export async function findImages(path: string, { palette }: ReadImageOptions = {}): Promise<FoundImages> {
  const found = await stat(path).catch((error: unknown) => {
    throw describeFileError(path, "could not be read", error);
  });
  if (!found.isDirectory()) {
    const image = await withDicom(path, (file) => dicomImage(file, palette));
    if (!image) throw new FileError(path, "a DICOM file without pixels (an index, a report, a plan); it is no image");
    return { images: [image], warnings: image.warnings };
  }
  const images: DicomImage[] = [];
  const withoutPixels: string[] = [];
  const foreign: string[] = [];
  const suspicious: string[] = [];
  for (const name of await visibleFiles(path)) {
    const file = join(path, name);
    if ((await stat(file)).isDirectory()) continue;
    const prefix = await beginning(file);
    if (!isDicom(prefix)) {
      (isText(prefix) ? foreign : suspicious).push(name);
      continue;
    }
    const image = await withDicom(file, (open) => dicomImage(open, palette));
    if (image) images.push(image);
    else withoutPixels.push(name);
  }
  if (images.length === 0) throw nothingIn(path, withoutPixels, [...foreign, ...suspicious]);
  // A file named like the slices that is not even text may have been one: passing over it would lose it.
  const endings = new Set(images.map(({ name }) => extname(name)));
  const lost = suspicious.find((name) => endings.has(extname(name)) && !isCompanion(name));
  if (lost !== undefined) {
    const file = join(path, lost);
    if ((await stat(file)).size === 0) throw new ImageFileError(file, "", "the file is empty; get it again");
    throw new ImageFileError(
      file,
      "",
      'this is no DICOM file: "DICM" is missing at byte 128; remove it, or get it again',
    );
  }
  const warnings = [
    ...passedOver(path, withoutPixels, "hold no pixels", "holds no pixels"),
    ...passedOver(path, [...foreign, ...suspicious], "are no DICOM", "is no DICOM"),
    ...images.flatMap((image) => image.warnings),
  ];
  return { images, warnings };
}

/** Whether a file of a folder begins like DICOM; of a file itself, whether it does. */
export async function holdsDicom(path: string): Promise<boolean> {
  const found = await stat(path).catch((error: unknown) => {
    throw describeFileError(path, "could not be read", error);
  });
  const names = found.isDirectory() ? (await visibleFiles(path)).map((name) => join(path, name)) : [path];
  for (const file of names) {
    if (isDicom(await beginning(file))) return true;
  }
  return false;
}

/** [] of what is no ordinary file. */
async function beginning(file: string): Promise<Buffer> {
  const stats = await stat(file);
  return stats.isFile() && stats.size > 0 ? (await readPrefix(file, 4096)).bytes : Buffer.alloc(0);
}

function passedOver(path: string, names: readonly string[], many: string, one: string): ImageWarning[] {
  if (names.length === 0) return [];
  return [{ path, field: "", problem: `passed over ${listed(names)}, which ${names.length === 1 ? one : many}` }];
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, 5).map((name) => basename(name));
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

function isText(bytes: Buffer): boolean {
  return bytes.length > 0 && !bytes.includes(0);
}
