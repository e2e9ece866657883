import { UnsupportedError } from "@nnunet/core";
import type { DataSet } from "./data-set.ts";
import type { PixelElement } from "./parse-data-set.ts";

/** How a file's pixels are stored: the image pixel module (PS3.3 C.7.6.3), checked. */
export interface PixelFormat {
  readonly rows: number;
  readonly columns: number;
  /** Values of a pixel in the file; a palette's index is one. */
  readonly samples: number;
  readonly photometric: Photometric;
  /** All red values of a frame, then all green, then all blue. */
  readonly planar: boolean;
  readonly bitsAllocated: number;
  readonly bitsStored: number;
  readonly highBit: number;
  readonly signed: boolean;
  readonly kind: "integer" | "float32" | "float64";
}

type Photometric = (typeof photometrics)[number];

const photometrics = [
  "MONOCHROME1",
  "MONOCHROME2",
  "PALETTE COLOR",
  "RGB",
  "YBR_FULL",
  "YBR_FULL_422",
  "YBR_ICT",
  "YBR_RCT",
] as const;

/**
 * What a data set says of its pixels.
 *
 * @throws {ImageFileError} naming the element that is missing or contradicts the others
 * @throws {UnsupportedError} for colours and sizes of numbers that are not read
 */
export function pixelFormat(dataSet: DataSet, { name }: PixelElement, compressed: boolean): PixelFormat {
  const { path } = dataSet;
  const required = (tag: "Rows" | "Columns" | "BitsAllocated") => {
    const value = dataSet.uint16(tag);
    if (value === undefined) throw dataSet.fail(tag, "this element is missing");
    return value;
  };
  const [rows, columns] = [required("Rows"), required("Columns")];
  if (rows === 0 || columns === 0) throw dataSet.fail("Rows", `expected pixels, got ${columns} × ${rows}`);
  const samples = dataSet.uint16("SamplesPerPixel") ?? 1;
  const photometric = photometricOf(dataSet, samples);
  const colours = photometric.startsWith("MONO") || photometric === "PALETTE COLOR" ? 1 : 3;
  if (samples !== colours) {
    throw dataSet.fail("SamplesPerPixel", `expected ${colours} for ${photometric}, got ${samples}`);
  }
  const kind = name === "PixelData" ? "integer" : name === "FloatPixelData" ? "float32" : "float64";
  const bitsAllocated = required("BitsAllocated");
  const planar = samples > 1 && (dataSet.uint16("PlanarConfiguration") ?? 0) === 1;
  const common = { rows, columns, samples, photometric, planar, bitsAllocated };
  if (kind !== "integer") {
    const expected = kind === "float32" ? 32 : 64;
    if (bitsAllocated !== expected) throw dataSet.fail("BitsAllocated", `expected ${expected}, got ${bitsAllocated}`);
    return { ...common, bitsStored: expected, highBit: expected - 1, signed: true, kind };
  }
  if (![1, 8, 16, 32, 64].includes(bitsAllocated)) {
    throw new UnsupportedError(
      `DICOM with ${bitsAllocated} bits allocated a pixel (${path})`,
      "export it with 8 or 16",
    );
  }
  if (photometric === "YBR_FULL_422" && !compressed && (bitsAllocated !== 8 || columns % 2 === 1 || planar)) {
    throw dataSet.fail("PhotometricInterpretation", "YBR_FULL_422 needs 8 bits, an even number of columns, no planes");
  }
  const bitsStored = dataSet.uint16("BitsStored") ?? bitsAllocated;
  if (!(bitsStored >= 1 && bitsStored <= bitsAllocated)) {
    throw dataSet.fail("BitsStored", `expected 1 to ${bitsAllocated} (BitsAllocated), got ${bitsStored}`);
  }
  const highBit = dataSet.uint16("HighBit") ?? bitsStored - 1;
  if (!(highBit >= bitsStored - 1 && highBit < bitsAllocated)) {
    throw dataSet.fail("HighBit", `expected ${bitsStored - 1} to ${bitsAllocated - 1}, got ${highBit}`);
  }
  const representation = dataSet.uint16("PixelRepresentation") ?? 0;
  if (representation > 1) throw dataSet.fail("PixelRepresentation", `expected 0 or 1, got ${representation}`);
  return { ...common, bitsStored, highBit, signed: representation === 1 && bitsAllocated > 1, kind };
}

function photometricOf(dataSet: DataSet, samples: number): Photometric {
  const name = dataSet.text("PhotometricInterpretation") || (samples === 1 ? "MONOCHROME2" : "");
  const known = photometrics.find((one) => one === name);
  if (known) return known;
  if (name === "") throw dataSet.fail("PhotometricInterpretation", "this element is missing");
  throw new UnsupportedError(
    `DICOM with the colours ${JSON.stringify(name.slice(0, 20))} (${dataSet.path})`,
    "export it as RGB or MONOCHROME2",
  );
}

/** Values of the volume for one pixel: palettes become three colours. */
export function channelsOf({ photometric, samples }: PixelFormat): number {
  return photometric === "PALETTE COLOR" ? 3 : samples;
}

/** Bytes of the uncompressed pixels of so many frames; frames of single bits follow each other without a gap. */
export function nativeBytes(
  { rows, columns, samples, bitsAllocated, photometric }: PixelFormat,
  frames: number,
): number {
  const perPixel = photometric === "YBR_FULL_422" ? 2 : samples;
  return Math.ceil((frames * rows * columns * perPixel * bitsAllocated) / 8);
}

/** "512 × 512 pixels of 16 bits": the beginning of complaints. */
export function describePixels({ rows, columns, samples, bitsAllocated }: PixelFormat): string {
  return `${columns} × ${rows} pixels of ${samples > 1 ? `${samples} × ` : ""}${bitsAllocated} bits`;
}

/** The smallest and the largest number that an integer format can hold. */
export function storedRange({ bitsStored, signed }: PixelFormat): [low: number, high: number] {
  return signed ? [-(2 ** (bitsStored - 1)), 2 ** (bitsStored - 1) - 1] : [0, 2 ** bitsStored - 1];
}
