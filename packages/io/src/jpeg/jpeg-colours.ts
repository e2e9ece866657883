import type { JpegState } from "./jpeg-stream.ts";

/** What the components of a JPEG mean, and how they become channels. */
export type JpegColours = "as they are" | "YCbCr" | "YCCK";

/**
 * libjpeg's rules for streams that stand alone: JFIF's marker, Adobe's, the components' names.
 *
 * @param ifSilent - what three components are of which the stream says nothing
 */
export function coloursOf({ frame, hasJfif, adobeTransform }: JpegState, ifSilent: JpegColours): JpegColours {
  const ids = frame!.components.map(({ id }) => id);
  if (ids.length === 3) {
    if (hasJfif) return "YCbCr";
    if (adobeTransform !== undefined) return adobeTransform === 0 ? "as they are" : "YCbCr";
    return String.fromCharCode(...ids) === "RGB" ? "as they are" : ifSilent;
  }
  if (ids.length === 4 && adobeTransform !== undefined && adobeTransform !== 0) return "YCCK";
  return "as they are";
}

/**
 * Turns rows of Y, Cb, Cr into R, G, B in place (BT.601, 16 bits of fraction, as libjpeg); for YCCK into C, M, Y, whose K
 * stays.
 */
export function toRgb(rows: readonly (Uint8Array | Uint16Array)[], precision: number, isYcck: boolean): void {
  const [first, second, third] = rows as [Uint8Array, Uint8Array, Uint8Array];
  const centre = 1 << (precision - 1);
  const largest = (1 << precision) - 1;
  const half = 32768;
  const clamp = (value: number) => (value < 0 ? 0 : Math.min(value, largest));
  for (let i = 0; i < first.length; i++) {
    const y = first[i]!;
    const cb = second[i]! - centre;
    const cr = third[i]! - centre;
    const red = y + ((91881 * cr + half) >> 16);
    const green = y + ((-22554 * cb - 46802 * cr + half) >> 16);
    const blue = y + ((116130 * cb + half) >> 16);
    first[i] = clamp(isYcck ? largest - red : red);
    second[i] = clamp(isYcck ? largest - green : green);
    third[i] = clamp(isYcck ? largest - blue : blue);
  }
}
