import type { Volume } from "@nnunet/core";
import type { SegmentationMaker } from "../dicom-seg/about-object.ts";
import { type DicomSource, dicomSource } from "../dicom-seg/dicom-source.ts";
import { segmentationObject } from "../dicom-seg/segmentation-object.ts";
import type { ImageWarning, ReadImageOptions } from "../image-format.ts";
import { decodeVolume, planVolume } from "./dicom-volume.ts";
import { imagesAmong, type PossibleSlice, prefixBytes } from "./images-among.ts";
import { memoryFile } from "./memory-file.ts";
import { isDicom, withDicom } from "./open-dicom.ts";
import type { VolumePlan } from "./volume-plan.ts";
import { type DicomVolumeInfo, volumesAmong } from "./volumes-among.ts";
import { webDecoder } from "./web-decoder.ts";

/** A file of DICOM in memory, such as the `File` that a page was given. */
export interface NamedBlob {
  readonly name: string;
  readonly blob: Blob;
}

/** What `readDicomBytes` gives: the volume, and what a segmentation of it must say again. */
export interface DicomInMemory {
  readonly volume: Volume;
  /** Undefined where a segmentation object is impossible; see `withoutSource`. */
  readonly source: DicomSource | undefined;
  /** Why there is no source. */
  readonly withoutSource: string | undefined;
}

/**
 * Reads a DICOM series, or one file of many frames, as `readDicom` does, with all its checks, where there are no files:
 * plain pixels, run lengths and JPEG.
 *
 * @param files - in any order; what is no slice is passed over and told
 * @param name - of the series, for errors
 * @throws what `readDicom` throws
 * @throws {UnsupportedError} for lossless JPEG, JPEG-LS and JPEG 2000
 * @example await readDicomBytes([...input.files].map((file) => ({ name: file.name, blob: file })), "CT");
 */
export async function readDicomBytes(
  files: readonly NamedBlob[],
  name: string,
  options: ReadImageOptions = {},
): Promise<DicomInMemory> {
  const found = await imagesAmong(name, slicesOf(files), options);
  const plan = planVolume(name, found, options);
  const volume = await decodeVolume(plan, webDecoder);
  return { volume, ...(await sourceOf(plan)) };
}

/**
 * The volumes that `readDicomBytes` can read of the files, each with the options that choose it: of several series, or of
 * several echoes, times or stacks in one.
 *
 * @throws {FileError} if no file holds an image
 * @throws {ImageFileError} for a file that is damaged
 * @example (await listDicomVolumes(files, "Study")).map(({ description, slices }) => `${description}, ${slices}`);
 */
export async function listDicomVolumes(files: readonly NamedBlob[], name: string): Promise<DicomVolumeInfo[]> {
  return volumesAmong(name, (await imagesAmong(name, slicesOf(files))).images);
}

/** Whether a file begins like DICOM; its name may say nothing. */
export async function isDicomBlob(blob: Blob): Promise<boolean> {
  return isDicom(await firstBytes(blob));
}

/**
 * A segmentation as a DICOM segmentation object: the bytes that `writeDicomSegmentation` writes.
 *
 * @param segmentation - labels, on the grid of the source
 * @throws what `writeDicomSegmentation` throws of the segmentation
 */
export async function encodeDicomSegmentation(
  segmentation: Volume<Int16Array>,
  source: DicomSource,
  dataset: Parameters<typeof segmentationObject>[2],
  maker: SegmentationMaker,
): Promise<{ readonly file: Blob; readonly warnings: readonly ImageWarning[] }> {
  const { chunks, warnings } = await segmentationObject(segmentation, source, dataset, maker);
  return { file: new Blob([...chunks], { type: "application/dicom" }), warnings };
}

async function* slicesOf(files: readonly NamedBlob[]): AsyncGenerator<PossibleSlice> {
  const inOrder = [...files].sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const { name, blob } of inOrder) {
    if (!name.startsWith(".")) yield { file: memoryFile(blob, name), prefix: await firstBytes(blob), size: blob.size };
  }
}

async function firstBytes(blob: Blob): Promise<Uint8Array> {
  return new Uint8Array(await blob.slice(0, prefixBytes).arrayBuffer());
}

async function sourceOf(plan: VolumePlan): Promise<Omit<DicomInMemory, "volume">> {
  const first = plan.placed.find(({ slice }) => slice === 0) ?? plan.placed[0]!;
  try {
    const source = await withDicom(first.frame.image.file, ({ dataSet }) => dicomSource(plan, dataSet));
    return { source, withoutSource: undefined };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return { source: undefined, withoutSource: error.message };
  }
}
