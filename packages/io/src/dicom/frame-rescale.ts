import { UnsupportedError } from "@nnunet/core";
import type { DataSet } from "./data-set.ts";
import type { Frame, Rescale } from "./dicom-image.ts";
import type { FrameGroups } from "./functional-groups.ts";
import { readModalityTable } from "./palette.ts";
import { type PixelFormat, storedRange } from "./pixel-format.ts";
import { decodedTypeOf } from "./native-pixels.ts";
import type { StoredType } from "../voxels/stored-voxels.ts";

const none: Rescale = { slope: 1, intercept: 0, table: undefined };

/**
 * The frame's own slope and intercept: PET has others in every slice. A slope alone, or an intercept alone, counts.
 * Colours have none.
 *
 * @throws {ImageFileError} for a slope of 0, which would make all voxels alike
 */
export function frameRescale(file: DataSet, groups: FrameGroups, format: PixelFormat): Rescale {
  if (format.samples > 1 || format.photometric === "PALETTE COLOR") return none;
  const table = format.kind === "integer" ? readModalityTable(file, format.signed) : undefined;
  if (table) {
    if (file.items("ModalityLUTSequence").length > 1)
      throw new UnsupportedError(`several modality tables in one DICOM file (${file.path})`, "export its values");
    return { ...none, table };
  }
  const values = groups.groupOrFile("PixelValueTransformationSequence");
  const slope = values.decimal("RescaleSlope") ?? 1;
  const intercept = values.decimal("RescaleIntercept") ?? 0;
  if (slope === 0) throw values.fail("RescaleSlope", "expected a number other than 0, which makes all voxels alike");
  return { slope, intercept, table: undefined };
}

export function changesNothing({ slope, intercept, table }: Rescale): boolean {
  return slope === 1 && intercept === 0 && table === undefined;
}

const integerTypes: readonly (readonly [StoredType, number, number])[] = [
  ["uint8", 0, 255],
  ["int16", -(2 ** 15), 2 ** 15 - 1],
  ["uint16", 0, 2 ** 16 - 1],
  ["int32", -(2 ** 31), 2 ** 31 - 1],
  ["uint32", 0, 2 ** 32 - 1],
];

/**
 * The type of array that holds every frame's values: the stored type where nothing is rescaled, the narrowest integers
 * that the header's bits can need, float32 for fractions (float64 where 32 bits or more are stored).
 */
export function valueType(frames: readonly Frame[]): StoredType {
  const stored = new Set(frames.map(({ image }) => decodedTypeOf(image.format)));
  if (stored.size === 1 && frames.every(({ rescale }) => changesNothing(rescale))) return [...stored][0]!;
  let [least, most, isWhole] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, true];
  for (const { rescale, image } of frames) {
    const { slope, intercept, table } = rescale;
    const [low, high] = table ? [0, table.entries instanceof Uint16Array ? 65535 : 255] : storedRange(image.format);
    isWhole &&= table !== undefined || image.format.kind === "integer";
    isWhole &&= Number.isInteger(slope) && Number.isInteger(intercept);
    for (const end of [low, high]) {
      least = Math.min(least, end * slope + intercept);
      most = Math.max(most, end * slope + intercept);
    }
  }
  if (!isWhole)
    return frames.some(({ image }) => image.format.bitsAllocated >= 32 && image.format.kind !== "float32")
      ? "float64"
      : "float32";
  return integerTypes.find(([, from, to]) => from <= least && most <= to)?.[0] ?? "float64";
}
