import { createVolume, FileError, type Volume, type VoxelArray } from "@nnunet/core";
import type { ImageWarning, ReadImageOptions } from "../image-format.ts";
import { promiseOf } from "../image-info.ts";
import { decodeFrames } from "./decode-frames.ts";
import type { DicomImage, Frame } from "./dicom-image.ts";
import type { FrameDecoder } from "./frame-decoder.ts";
import type { FoundImages } from "./images-among.ts";
import { mosaicPlan, placeMosaic } from "./mosaic-plan.ts";
import { arrayOfType } from "./native-pixels.ts";
import { checkOneSubject } from "./one-subject.ts";
import { planeStack } from "./plane-stack.ts";
import { placeLabels, segmentationPlan } from "./segmentation-plan.ts";
import { placeFrame } from "./value-planes.ts";
import { byFile, type PlacedFrame, stackPlan, type VolumePlan } from "./volume-plan.ts";
import { chosenVolume, type SeriesVolume, volumesInSeries } from "./volumes-in-series.ts";

/**
 * Which frames of which files make the volume that is meant, and how; no pixel is decoded.
 *
 * @param path - the folder or file, for errors
 * @throws {FileError} if there are several series or volumes and none was chosen
 * @throws {ImageFileError} naming the slices between which one is missing, or the file that does not belong
 * @throws {UnsupportedError} for what is not read, by name
 */
export function planVolume(path: string, found: FoundImages, options: ReadImageOptions): VolumePlan {
  const { images, warnings: localizers } = withoutLocalizers(path, chosenSeries(path, found.images, options));
  checkOneSubject(images);
  const plan = planOf(path, images, options);
  for (const warning of [...found.warnings, ...localizers, ...plan.warnings]) options.onWarning?.(warning);
  return plan;
}

/** Decodes all frames of a plan and puts each into its place. @param decoder - is closed */
export async function decodeVolume(plan: VolumePlan, decoder: FrameDecoder): Promise<Volume> {
  const { path, shape, type, placed } = plan;
  const length = shape[0] * shape[1] * shape[2] * shape[3];
  const data = arrayOfType(type, length, path, promiseOf(shape, type));
  try {
    for (const [image, frames] of byFile(placed)) {
      const byIndex = new Map(frames.map((one) => [one.frame.index, one]));
      const indices = [...byIndex.keys()].sort((a, b) => a - b);
      await decodeFrames(image, indices, decoder, (pixels, index) => place(data, plan, byIndex.get(index)!, pixels));
    }
  } finally {
    decoder.close();
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

/** The volumes of one series, in the order in which `volume` counts them. Errors as {@link volumesInSeries}. */
export function volumesOf(path: string, images: readonly DicomImage[]): SeriesVolume[] {
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
export function withoutLocalizers(
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

/** In the order of their identifiers. */
export function groupBySeries(images: readonly DicomImage[]): DicomImage[][] {
  const series = new Map<string, DicomImage[]>();
  for (const image of images) {
    const group = series.get(image.seriesUid);
    if (group) group.push(image);
    else series.set(image.seriesUid, [image]);
  }
  return [...series].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => group);
}
