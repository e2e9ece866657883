import { UnsupportedError } from "@nnunet/core";
import type { ImageWarning, ReadImageOptions } from "../image-format.ts";
import type { DataSet } from "./data-set.ts";
import type { DicomImage, Frame, FramePlace } from "./dicom-image.ts";
import { FrameGroups } from "./functional-groups.ts";
import { frameMarks } from "./frame-marks.ts";
import { framePlace } from "./frame-place.ts";
import { frameRescale } from "./frame-rescale.ts";
import { gridFramePlace } from "./grid-frames.ts";
import { mosaicOf } from "./mosaic.ts";
import type { OpenDicom } from "./open-dicom.ts";
import { readPalette } from "./palette.ts";
import { nativeBytes, type PixelFormat, pixelFormat } from "./pixel-format.ts";
import { locatePixels } from "./pixel-location.ts";
import { segmentationFrames } from "./segmentation-frames.ts";

const labelMapStorage = "1.2.840.10008.5.1.4.1.1.66.7";
const wholeSlideStorage = "1.2.840.10008.5.1.4.1.1.77.1.6";
/** More than any scanner makes; a file that says more lies. */
const mostFrames = 100_000;
/** Bytes of one frame; the largest mammograms have 60 MB. */
const largestFrame = 2 ** 29;

/**
 * @param palette - whether a palette's numbers are wanted as colours, or as they are
 * @returns undefined for a DICOM file that holds no pixels: an index, a report, a plan
 * @throws {ImageFileError} naming the element that is missing, wrong or contradicted by the file's size
 * @throws {UnsupportedError} for what is not read, by name
 */
export function dicomImage(
  { file, source, meta, dataSet, pixels, syntax }: OpenDicom,
  palette: ReadImageOptions["palette"] = "colours",
): DicomImage | undefined {
  if (!pixels) {
    // A slice that ends just before its pixels is cut off, not a report.
    if (!dataSet.has("Rows")) return undefined;
    throw dataSet.fail("PixelData", "there are no pixels; the file is cut off or is no image");
  }
  const { path } = dataSet;
  // Where an anonymiser has emptied them, the file's meta information says them still.
  const sopClass = dataSet.text("SOPClassUID") || (meta?.text("MediaStorageSOPClassUID") ?? "");
  const instanceUid = dataSet.text("SOPInstanceUID") || (meta?.text("MediaStorageSOPInstanceUID") ?? "");
  const frameCount = dataSet.decimal("NumberOfFrames") ?? 1;
  if (!(Number.isInteger(frameCount) && frameCount >= 1 && frameCount <= mostFrames)) {
    throw dataSet.fail("NumberOfFrames", `expected a whole number of frames up to ${mostFrames}, got ${frameCount}`);
  }
  if (sopClass === wholeSlideStorage && frameCount > 1) {
    throw new UnsupportedError(`a whole-slide image in ${frameCount} tiles (${path})`, "export the region as TIFF");
  }
  const declared = pixelFormat(dataSet, pixels, syntax.codec !== "native");
  if (nativeBytes(declared, 1) > largestFrame) {
    const size = `${declared.columns} × ${declared.rows} pixels`;
    throw dataSet.fail("Rows", `a frame of ${size} is larger than this reader takes (${largestFrame} bytes)`);
  }
  // The palette of a label map is for showing it: its voxels are the labels.
  const isIndex = declared.photometric === "PALETTE COLOR" && (palette === "indices" || sopClass === labelMapStorage);
  const format: PixelFormat = isIndex ? { ...declared, photometric: "MONOCHROME2" } : declared;
  const { location, warnings } = locatePixels(source, dataSet, pixels, { format, syntax, frameCount });
  const image = {
    file,
    path,
    name: file.name,
    seriesUid: dataSet.text("SeriesInstanceUID"),
    instanceUid,
    frameOfReferenceUid: dataSet.text("FrameOfReferenceUID"),
    patientId: dataSet.text("PatientID"),
    modality: dataSet.text("Modality"),
    description: dataSet.text("SeriesDescription"),
    imageType: dataSet.text("ImageType"),
    sopClass,
    instanceNumber: instanceNumber(dataSet),
    syntax,
    format,
    location,
    frameCount,
    frames: [] as Frame[],
    palette: format.photometric === "PALETTE COLOR" ? readPalette(dataSet, format.signed) : undefined,
    mosaic: mosaicOf(dataSet, format, frameCount),
    segmentation: segmentationFrames(dataSet, frameCount),
    warnings: [...warnings, ...meaningWarnings(dataSet, format)],
  };
  for (const frame of framesOf(image, dataSet)) image.frames.push(frame);
  return image;
}

function framesOf(image: DicomImage, dataSet: DataSet): Frame[] {
  const shared = dataSet.items("SharedFunctionalGroupsSequence")[0];
  const perFrame = dataSet.items("PerFrameFunctionalGroupsSequence");
  // More are harmless: the size of the pixels agrees with NumberOfFrames.
  if (perFrame.length > 0 && perFrame.length < image.frameCount) {
    const problem = `${perFrame.length} frames are described, NumberOfFrames says ${image.frameCount}`;
    throw dataSet.fail("PerFrameFunctionalGroupsSequence", problem);
  }
  const isEnhanced = shared !== undefined || perFrame.length > 0;
  const fileGroups = new FrameGroups(dataSet, shared, undefined);
  const filePlace: FramePlace | undefined = isEnhanced ? undefined : framePlace(dataSet, fileGroups);
  const fileRescale = frameRescale(dataSet, fileGroups, image.format);
  const fileMarks = frameMarks(dataSet, fileGroups);
  return Array.from({ length: image.frameCount }, (_, index) => {
    const groups = isEnhanced ? new FrameGroups(dataSet, shared, perFrame[index]) : fileGroups;
    const place = filePlace ? gridFramePlace(dataSet, filePlace, index, image.frameCount) : framePlace(dataSet, groups);
    const rescale = isEnhanced ? frameRescale(dataSet, groups, image.format) : fileRescale;
    return { image, index, ...place, rescale, marks: isEnhanced ? frameMarks(dataSet, groups) : fileMarks };
  });
}

function instanceNumber(dataSet: DataSet): number | undefined {
  const value = Number(dataSet.text("InstanceNumber") || "NaN");
  return Number.isInteger(value) ? value : undefined;
}

/** Stored numbers that mean something else than their size. */
function meaningWarnings(dataSet: DataSet, { photometric }: PixelFormat): ImageWarning[] {
  const warnings: ImageWarning[] = [];
  const warn = (field: string, problem: string) => warnings.push({ path: dataSet.path, field, problem });
  const scaling = dataSet.text("DoseGridScaling");
  if (scaling !== "") warn("DoseGridScaling", `the voxels are the stored numbers; times ${scaling} they are the dose`);
  if (photometric === "MONOCHROME1")
    warn("PhotometricInterpretation", "MONOCHROME1: small numbers are bright; the voxels are as stored");
  return warnings;
}
