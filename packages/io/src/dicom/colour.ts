/*
 * Luminance and colour differences to red, green and blue, in place: ITU-R BT.601 over the full range, the
 * inverse of PS3.3 C.7.6.3.1.2.
 */

/** @param pixels - [sample, pixel]: all luminances, all blue differences, all red differences */
export function rgbFromYbr(pixels: Uint8Array | Uint16Array, half: number): void {
  const n = pixels.length / 3;
  const most = 2 * half - 1;
  const clamp = (value: number) => (value <= 0 ? 0 : value >= most ? most : Math.floor(value + 0.5));
  for (let i = 0; i < n; i++) {
    const y = pixels[i]!;
    const blue = pixels[n + i]! - half;
    const red = pixels[2 * n + i]! - half;
    pixels[i] = clamp(y + 1.402 * red);
    pixels[n + i] = clamp(y - 0.344136286201022 * blue - 0.714136286201022 * red);
    pixels[2 * n + i] = clamp(y + 1.772 * blue);
  }
}

/** Two pixels share their colour: Y Y Cb Cr, Y Y Cb Cr, … @returns [sample, pixel] */
export function planesOf422(bytes: Uint8Array, pixels: number): Uint8Array {
  const planes = new Uint8Array(3 * pixels);
  for (let i = 0, at = 0; i < pixels; i += 2, at += 4) {
    planes[i] = bytes[at]!;
    planes[i + 1] = bytes[at + 1]!;
    planes[pixels + i] = planes[pixels + i + 1] = bytes[at + 2]!;
    planes[2 * pixels + i] = planes[2 * pixels + i + 1] = bytes[at + 3]!;
  }
  return planes;
}
