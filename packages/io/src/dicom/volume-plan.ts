import type { Geometry, VolumeShape } from "@nnunet/core";
import type { ImageWarning } from "../image-format.ts";
import type { DicomImage, Frame } from "./dicom-image.ts";
import { valueType } from "./frame-rescale.ts";
import { paletteType } from "./palette.ts";
import { channelsOf } from "./pixel-format.ts";
import type { PlaneStack } from "./plane-stack.ts";
import type { StoredType } from "../voxels/stored-voxels.ts";

/** A volume before its pixels are decoded: what it will be, and where every frame goes. */
export interface VolumePlan {
  readonly path: string;
  readonly shape: VolumeShape;
  readonly type: StoredType;
  readonly geometry: Geometry;
  readonly warnings: readonly ImageWarning[];
  readonly kind: "stack" | "mosaic" | "labels" | "fractions";
  readonly placed: readonly PlacedFrame[];
}

export interface PlacedFrame {
  readonly frame: Frame;
  readonly slice: number;
  readonly channel: number;
}

/** Slices of values, one frame each. */
export function stackPlan(path: string, { frames, geometry, warnings }: PlaneStack): VolumePlan {
  const { format } = frames[0]!.image;
  const palettes = frames.flatMap(({ image }) => (image.palette ? [paletteType(image.palette)] : []));
  const type = palettes.length === 0 ? valueType(frames) : palettes.includes("uint16") ? "uint16" : "uint8";
  return {
    path,
    shape: [channelsOf(format), frames.length, format.rows, format.columns],
    type,
    geometry,
    warnings,
    kind: "stack",
    placed: frames.map((frame, slice) => ({ frame, slice, channel: 0 })),
  };
}

/** The frames of every file together, so that each is opened once. */
export function byFile(placed: readonly PlacedFrame[]): Map<DicomImage, PlacedFrame[]> {
  const files = new Map<DicomImage, PlacedFrame[]>();
  for (const one of placed) {
    const others = files.get(one.frame.image);
    if (others) others.push(one);
    else files.set(one.frame.image, [one]);
  }
  return files;
}
