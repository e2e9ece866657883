import type { Volume } from "@nnunet/core";
import type { ReadImageOptions } from "../image-format.ts";
import type { ImageInfo } from "../image-info.ts";
import { CodecWorker } from "./codec-worker.ts";
import { findImages, holdsDicom } from "./dicom-folder.ts";
import { decodeVolume, groupBySeries, planVolume } from "./dicom-volume.ts";
import type { VolumePlan } from "./volume-plan.ts";

export interface DicomSeriesInfo {
  readonly seriesUid: string;
  readonly modality: string;
  /** "t2 tse sag", as the scanner named it. */
  readonly description: string;
  readonly files: readonly string[];
}

/**
 * Reads a DICOM series in a folder (or one DICOM file) as a volume: the modality's values (Hounsfield units for CT;
 * every slice by its own slope and intercept), slices in the order of their places.
 *
 * @param path - a folder whose files are slices, or one file of one or many frames
 * @throws {ImageFileError} naming the slices between which one is missing, or the file that does not belong
 * @throws {FileError} if there is no DICOM file, or there are several series or volumes and none was chosen
 * @throws {UnsupportedError} for what is not read, by name
 */
export async function readDicom(path: string, options: ReadImageOptions = {}): Promise<Volume> {
  return decodeVolume(await dicomVolumePlan(path, options), new CodecWorker());
}

/** What reading gives, without decoding a pixel. Errors as {@link readDicom}. */
export async function readDicomInfo(path: string, options: ReadImageOptions = {}): Promise<ImageInfo> {
  const { shape, geometry, type } = await dicomVolumePlan(path, options);
  return { shape, geometry, dataType: type, format: "DICOM" };
}

/**
 * The series in a folder, in the order of their identifiers; [] if there is no file of DICOM in it. Errors otherwise as
 * {@link readDicom}.
 */
export async function listDicomSeries(folder: string): Promise<DicomSeriesInfo[]> {
  if (!(await holdsDicom(folder))) return [];
  return groupBySeries((await findImages(folder)).images).map((images) => ({
    seriesUid: images[0]!.seriesUid,
    modality: images[0]!.modality,
    description: images[0]!.description,
    files: images.map((image) => image.path),
  }));
}

/** Which frames of which files make the volume, and how; no pixel is decoded. Errors as {@link readDicom}. */
export async function dicomVolumePlan(path: string, options: ReadImageOptions): Promise<VolumePlan> {
  return planVolume(path, await findImages(path, options), options);
}
