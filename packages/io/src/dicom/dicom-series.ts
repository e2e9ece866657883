import { createVolume, FileError, type Volume, type VoxelArray } from "@nnunet/core";
import { promiseOf } from "../image-info.ts";
import type { ImageWarning, ReadImageOptions } from "../image-format.ts";
import type { ImageInfo } from "../image-info.ts";
import { CodecWorker } from "./codec-worker.ts";
import { decodeFrames } from "./decode-frames.ts";
import { findImages, holdsDicom } from "./dicom-folder.ts";
import type { DicomImage, Frame } from "./dicom-image.ts";
import { mosaicPlan, placeMosaic } from "./mosaic-plan.ts";
import { arrayOfType } from "./native-pixels.ts";
import { planeStack } from "./plane-stack.ts";
import { placeLabels, segmentationPlan } from "./segmentation-plan.ts";
import { placeFrame } from "./value-planes.ts";
import { byFile, type PlacedFrame, stackPlan, type VolumePlan } from "./volume-plan.ts";
import { chosenVolume, type SeriesVolume, volumesInSeries } from "./volumes-in-series.ts";

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
  const plan = await dicomVolumePlan(path, options);
  const { shape, type, placed } = plan;
  const length = shape[0] * shape[1] * shape[2] * shape[3];
  const data = arrayOfType(type, length, path, promiseOf(shape, type));
  const worker = new CodecWorker();
  try {
    for (const [image, frames] of byFile(placed)) {
      const byIndex = new Map(frames.map((one) => [one.frame.index, one]));
      const indices = [...byIndex.keys()].sort((a, b) => a - b);
      await decodeFrames(image, indices, worker, (pixels, index) => place(data, plan, byIndex.get(index)!, pixels));
    }
  } finally {
    worker.close();
  }
  return createVolume(data, shape, plan.geometry);
}

function place(data: VoxelArray, { kind, shape }: VolumePlan, placed: PlacedFrame, pixels: VoxelArray): void {
  const { frame, slice, channel } = placed;
  const plane = shape[2] * shape[3];
  const channelLength = shape[1] * plane;
  if (kind === "labels") placeLabels(data, pixels, placed);
  else if (kind === "mosaic") placeMosaic(data, pixels, frame, frame.image.mosaic!);
  else placeFrame(data, pixels, frame, channel * channelLength + slice * plane, channelLength);
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
  const found = await findImages(path, options);
  const { images, warnings: localizers } = withoutLocalizers(path, chosenSeries(path, found.images, options));
  const plan = planOf(path, images, options);
  for (const warning of [...found.warnings, ...localizers, ...plan.warnings]) options.onWarning?.(warning);
  return plan;
}

function planOf(path: string, images: readonly DicomImage[], { volume }: ReadImageOptions): VolumePlan {
  const segmentations = images.filter(({ segmentation }) => segmentation);
  if (segmentations.length > 0 && images.length > 1) {
    const problem = `${segmentations.length} of its ${images.length} files are segmentations; put each into a folder of its own`;
    throw new FileError(path, problem);
  }
  if (segmentations.length === 1) return segmentationPlan(images[0]!);
  const chosen = chosenVolume(path, volumesOf(path, images), volume);
  const first = chosen.frames[0]!;
  if (first.image.mosaic) return mosaicPlan(first, first.image.mosaic);
  return stackPlan(path, planeStack(path, chosen.frames));
}

function volumesOf(path: string, images: readonly DicomImage[]): SeriesVolume[] {
  const frames = images.flatMap((image) => image.frames);
  const mosaics = frames.filter(({ image }) => image.mosaic);
  if (mosaics.length === 0) return volumesInSeries(path, frames);
  const number = ({ image }: Frame) => image.instanceNumber ?? 0;
  const inOrder = [...mosaics].sort((a, b) => number(a) - number(b) || (a.image.path < b.image.path ? -1 : 1));
  const others = frames.filter(({ image }) => !image.mosaic);
  const volumes = inOrder.map((frame) => ({ frames: [frame], label: `mosaic ${frame.image.name}` }));
  return others.length === 0 ? volumes : [...volumes, ...volumesInSeries(path, others)];
}

function chosenSeries(path: string, images: readonly DicomImage[], { seriesUid }: ReadImageOptions): DicomImage[] {
  const all = groupBySeries(images);
  const chosen = seriesUid === undefined ? all : all.filter((series) => series[0]!.seriesUid === seriesUid);
  if (chosen.length === 1) return chosen[0]!;
  const found = all.map((series) => {
    const { seriesUid: uid, description } = series[0]!;
    const named = description === "" ? "" : ` "${description.slice(0, 40)}"`;
    return `${uid || "(no identifier)"}${named} with ${series.length} ${series.length === 1 ? "slice" : "slices"}`;
  });
  const problem =
    seriesUid === undefined
      ? `there are ${all.length} series in it (${found.join(", ")})`
      : `there is no series ${seriesUid} (${found.join(", ")})`;
  const howToChoose = "choose one with `seriesUid`, or put each into a folder of its own";
  throw new FileError(path, `${problem}; ${howToChoose}`);
}

/** A scout picture in the series of its slices is left out, and named. */
function withoutLocalizers(
  path: string,
  images: readonly DicomImage[],
): { images: readonly DicomImage[]; warnings: ImageWarning[] } {
  const isLocalizer = ({ imageType }: DicomImage) => imageType.split("\\").includes("LOCALIZER");
  const slices = images.filter((image) => !isLocalizer(image));
  const left = images.filter(isLocalizer);
  if (slices.length === 0 || left.length === 0) return { images, warnings: [] };
  const names = left.slice(0, 5).map(({ name }) => name);
  const problem = `left out ${names.join(", ")}${left.length > 5 ? ", …" : ""}, which is a localizer`;
  return { images: slices, warnings: [{ path, field: "ImageType", problem }] };
}

function groupBySeries(images: readonly DicomImage[]): DicomImage[][] {
  const series = new Map<string, DicomImage[]>();
  for (const image of images) {
    const group = series.get(image.seriesUid);
    if (group) group.push(image);
    else series.set(image.seriesUid, [image]);
  }
  return [...series].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => group);
}
