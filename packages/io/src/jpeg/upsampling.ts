import type { JpegComponent } from "./jpeg-stream.ts";

/** Decoded samples of one component. */
export interface JpegPlane {
  readonly component: JpegComponent;
  readonly samples: Uint8Array | Uint16Array;
  readonly stride: number;
}

/** Fills `out` with one row of the picture, a sample per pixel. */
export type RowOf = (y: number, out: Uint8Array | Uint16Array) => void;

/**
 * Rows of a component at the picture's resolution, as libjpeg's "fancy upsampling" makes them: halves in one or both
 * directions are interpolated (3/4 of the nearer sample, 1/4 of the farther one), everything else is repeated.
 *
 * @param across - pixels per sample, as `down`
 */
export function upsampled({ component, samples, stride }: JpegPlane, across: number, down: number): RowOf {
  const { width, height } = component;
  if (across === 1 && down === 1) {
    return (y, out) => out.set(samples.subarray(y * stride, y * stride + out.length));
  }
  const other = (y: number) => Math.min(height - 1, Math.max(0, (y >> 1) + (y & 1 ? 1 : -1)));
  if (across === 1 && down === 2) {
    return (y, out) => {
      const [near, far, bias] = [(y >> 1) * stride, other(y) * stride, y & 1 ? 2 : 1];
      for (let x = 0; x < out.length; x++) out[x] = (3 * samples[near + x]! + samples[far + x]! + bias) >> 2;
    };
  }
  if (across === 2 && down === 1 && width > 2) {
    const values = new Int32Array(width);
    return (y, out) => {
      const row = y * stride;
      for (let x = 0; x < width; x++) values[x] = samples[row + x]!;
      spread(out, values, 1, 2, 2);
    };
  }
  if (across === 2 && down === 2 && width > 2) {
    const sums = new Int32Array(width);
    return (y, out) => {
      const [near, far] = [(y >> 1) * stride, other(y) * stride];
      for (let x = 0; x < width; x++) sums[x] = 3 * samples[near + x]! + samples[far + x]!;
      spread(out, sums, 8, 7, 4);
    };
  }
  return (y, out) => {
    const row = Math.floor(y / down) * stride;
    for (let x = 0; x < out.length; x++) out[x] = samples[row + Math.floor(x / across)]!;
  };
}

/**
 * Twice as many samples as given. What lies beside the ends is taken to be equal to them.
 *
 * @param left - rounding of the sample at the left of one, `right` of that at its right
 */
function spread(out: Uint8Array | Uint16Array, values: Int32Array, left: number, right: number, shift: number): void {
  const last = values.length - 1;
  for (let x = 0; x <= last; x++) {
    const here = values[x]!;
    out[2 * x] = (3 * here + values[x === 0 ? 0 : x - 1]! + left) >> shift;
    // A picture of odd width has no room for the very last one.
    if (2 * x + 1 < out.length) out[2 * x + 1] = (3 * here + values[x === last ? last : x + 1]! + right) >> shift;
  }
}
