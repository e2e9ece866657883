/*
 * Masks as paths of an SVG picture, in pixels from the upper left corner: sharp at every size, and in any colour.
 */

/**
 * The border between the mask and what is outside it, along the pixels' edges.
 *
 * @param mask - not 0 inside; rows one after the other
 * @example outlinePath(Uint8Array.of(1, 1), 2); // "M0 0h2M0 1h2M0 0v1M2 0v1"
 */
export function outlinePath(mask: ArrayLike<number>, width: number): string {
  const height = mask.length / width;
  const inside = (x: number, y: number) => x >= 0 && x < width && y >= 0 && y < height && mask[y * width + x] !== 0;
  const parts: string[] = [];
  for (let y = 0; y <= height; y++) {
    forRuns(
      width,
      (x) => inside(x, y - 1) !== inside(x, y),
      (first, length) => parts.push(`M${first} ${y}h${length}`),
    );
  }
  for (let x = 0; x <= width; x++) {
    forRuns(
      height,
      (y) => inside(x - 1, y) !== inside(x, y),
      (first, length) => parts.push(`M${x} ${first}v${length}`),
    );
  }
  return parts.join("");
}

/**
 * The area of the mask, as one rectangle per run of pixels.
 *
 * @example areaPath(Uint8Array.of(1, 1, 0), 3); // "M0 0h2v1h-2z"
 */
export function areaPath(mask: ArrayLike<number>, width: number): string {
  const parts: string[] = [];
  for (let y = 0; y < mask.length / width; y++) {
    forRuns(
      width,
      (x) => mask[y * width + x] !== 0,
      (first, length) => {
        parts.push(`M${first} ${y}h${length}v1h-${length}z`);
      },
    );
  }
  return parts.join("");
}

function forRuns(length: number, has: (i: number) => boolean, tell: (first: number, length: number) => void): void {
  for (let i = 0; i < length; i++) {
    if (!has(i)) continue;
    const first = i;
    while (i + 1 < length && has(i + 1)) i++;
    tell(first, i - first + 1);
  }
}
