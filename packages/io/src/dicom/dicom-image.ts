import type { ImageWarning } from "../image-format.ts";
import type { DicomFile } from "./dicom-file.ts";
import type { Mosaic } from "./mosaic.ts";
import type { LookUpTable, Palette } from "./palette.ts";
import type { PixelFormat } from "./pixel-format.ts";
import type { PixelLocation } from "./pixel-location.ts";
import type { SegmentationFrames } from "./segmentation-frames.ts";
import type { TransferSyntax } from "./transfer-syntax.ts";

/** Where one frame lies; lengths in mm, LPS. */
export interface FramePlace {
  /** Of the centre of the first pixel; undefined where the file does not say. */
  readonly position: readonly number[] | undefined;
  /** Direction of increasing column, then of increasing row. */
  readonly orientation: readonly number[] | undefined;
  /** Between rows, between columns. */
  readonly pixelSpacing: readonly number[] | undefined;
  /** Distance of slices as the file itself says, where it does; its sign is kept. */
  readonly sliceSpacing: number | undefined;
}

/** What makes a modality's value (Hounsfield units, Bq/ml) of a stored number. */
export interface Rescale {
  readonly slope: number;
  readonly intercept: number;
  readonly table: LookUpTable | undefined;
}

/** One plane of pixels: a file of its own, or one of a multi-frame file. */
export interface Frame extends FramePlace {
  readonly image: DicomImage;
  /** 0 for the first of its file. */
  readonly index: number;
  readonly rescale: Rescale;
  /** What may tell it from other frames in the same place: "EchoTime" → "4.6". */
  readonly marks: ReadonlyMap<string, string>;
}

/** "IM7", or "frame 3 of brain.dcm" */
export function frameName({ image, index }: Frame): string {
  return image.frameCount === 1 ? image.name : `frame ${index + 1} of ${image.name}`;
}

/** A file that holds an image: all that can be said of it without decoding its pixels. */
export interface DicomImage {
  readonly file: DicomFile;
  readonly path: string;
  readonly name: string;
  readonly seriesUid: string;
  readonly instanceUid: string;
  /** Names the system of coordinates; "" where it is missing. */
  readonly frameOfReferenceUid: string;
  /** "" where it is missing. */
  readonly patientId: string;
  readonly modality: string;
  readonly description: string;
  readonly imageType: string;
  readonly sopClass: string;
  readonly instanceNumber: number | undefined;
  readonly syntax: TransferSyntax;
  readonly format: PixelFormat;
  readonly location: PixelLocation;
  readonly frameCount: number;
  readonly frames: readonly Frame[];
  readonly palette: Palette | undefined;
  readonly mosaic: Mosaic | undefined;
  readonly segmentation: SegmentationFrames | undefined;
  /** What deserves a look. */
  readonly warnings: readonly ImageWarning[];
}
