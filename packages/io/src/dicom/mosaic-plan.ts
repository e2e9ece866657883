import { ImageFileError, type VoxelArray } from "@nnunet/core";
import type { FramePixels } from "./decode-frames.ts";
import type { Frame } from "./dicom-image.ts";
import { valueType } from "./frame-rescale.ts";
import type { Mosaic } from "./mosaic.ts";
import { planeAxes } from "./plane-axes.ts";
import { placeFrame } from "./value-planes.ts";
import type { VolumePlan } from "./volume-plan.ts";

/**
 * The volume in a Siemens mosaic. ImagePositionPatient is that of a picture as large as the mosaic around the
 * first slice's centre, so the slice's own corner lies half the difference further in.
 *
 * @throws {ImageFileError} if the file does not say where it lies
 * @see nipy.org/nibabel/dicom/dicom_mosaic.html
 */
export function mosaicPlan(frame: Frame, mosaic: Mosaic): VolumePlan {
  const { image, position, orientation, pixelSpacing, sliceSpacing } = frame;
  const { path, format } = image;
  const missing = !position
    ? "ImagePositionPatient"
    : !orientation
      ? "ImageOrientationPatient"
      : !pixelSpacing
        ? "PixelSpacing"
        : "SpacingBetweenSlices";
  if (!position || !orientation || !pixelSpacing || !sliceSpacing) {
    throw new ImageFileError(path, missing, "this element is missing; where the slices of the mosaic lie is not known");
  }
  const [x, y, normal] = planeAxes(orientation, path) as [number[], number[], number[]];
  const along = mosaic.normal.reduce((sum, n, i) => sum + n * normal[i]!, 0);
  if (!(Math.abs(Math.abs(along) - 1) < 1e-2)) {
    throw new ImageFileError(path, "SliceNormalVector", `${mosaic.normal.join(", ")} is not the normal of the slices`);
  }
  const axis = normal.map((n) => Math.sign(along) * n + 0);
  const [rowSpacing, columnSpacing] = pixelSpacing as [number, number];
  const right = ((format.columns - mosaic.columns) / 2) * columnSpacing;
  const down = ((format.rows - mosaic.rows) / 2) * rowSpacing;
  const origin = position.map((p, i) => p + right * x[i]! + down * y[i]!);
  return {
    path,
    shape: [1, mosaic.slices, mosaic.rows, mosaic.columns],
    type: valueType([frame]),
    geometry: {
      spacing: [Math.abs(sliceSpacing), rowSpacing, columnSpacing],
      origin: [origin[0]!, origin[1]!, origin[2]!],
      direction: [0, 1, 2].flatMap((row) => [x[row]!, y[row]!, axis[row]!]),
    },
    warnings: [],
    kind: "mosaic",
    placed: [{ frame, slice: 0, channel: 0 }],
  };
}

/** Cuts the picture into its slices: tiles row by row. */
export function placeMosaic(volume: VoxelArray, pixels: FramePixels, frame: Frame, mosaic: Mosaic): void {
  const whole = frame.image.format.columns;
  const { rows, columns, tilesPerRow, slices } = mosaic;
  const tiles = pixels.slice(0, slices * rows * columns);
  for (let slice = 0; slice < slices; slice++) {
    const first = Math.floor(slice / tilesPerRow) * rows * whole + (slice % tilesPerRow) * columns;
    for (let row = 0; row < rows; row++) {
      const from = first + row * whole;
      tiles.set(pixels.subarray(from, from + columns), (slice * rows + row) * columns);
    }
  }
  placeFrame(volume, tiles, frame, 0, volume.length);
}
