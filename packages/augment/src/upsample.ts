import type { Shape3 } from "@nnunet/core";

/**
 * Enlarges one channel to `target`, voxel edges aligned: output i lies at (i + 0.5)·n/m − 0.5 of the input.
 *
 * `linear` repeats the border voxel; `cubic` is the interpolating cubic B-spline of the image continued by its border
 * voxels, clipped to the input's range (as scikit-image resizes).
 *
 * @param source - [z, y, x] of `shape`
 * @param out - written and returned, [z, y, x] of `target`
 * @see facts.md items 21 and 22
 */
export function upsample(
  source: Float32Array,
  shape: Shape3,
  target: Shape3,
  interpolation: "cubic" | "linear",
  out: Float32Array = new Float32Array(target[0] * target[1] * target[2]),
): Float32Array {
  const cubic = interpolation === "cubic";
  let data = source;
  // x first, while the image is still small; each pass has long contiguous rows.
  const size = [...shape];
  let inner = 1;
  for (let axis = 2; axis >= 0; axis--) {
    const n = shape[axis]!;
    const m = target[axis]!;
    if (n !== m) {
      let outer = 1;
      for (let a = 0; a < axis; a++) outer *= size[a]!;
      const taps = cubic ? cubicTaps(n, m) : linearTaps(n, m);
      const next = new Float32Array(outer * m * inner);
      resizeAxis(data, next, outer, n, m, inner, taps, cubic);
      data = next;
      size[axis] = m;
    }
    inner *= m;
  }
  if (!cubic) {
    out.set(data);
    return out;
  }
  let minimum = Number.POSITIVE_INFINITY;
  let maximum = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < source.length; i++) {
    if (source[i]! < minimum) minimum = source[i]!;
    if (source[i]! > maximum) maximum = source[i]!;
  }
  for (let i = 0; i < out.length; i++) {
    const value = data[i]!;
    out[i] = Math.min(Math.max(value, minimum), maximum);
  }
  return out;
}

/** For every output index four (or two) weights, and the index of the first of as many rows. */
interface Taps {
  readonly first: Int32Array;
  readonly weights: Float64Array;
  readonly count: number;
}

const MARGIN = 2;

function linearTaps(n: number, m: number): Taps {
  const first = new Int32Array(m);
  const weights = new Float64Array(2 * m);
  for (let i = 0; i < m; i++) {
    const at = Math.min(n - 1, Math.max(0, ((i + 0.5) * n) / m - 0.5));
    const low = Math.min(Math.floor(at), Math.max(0, n - 2));
    first[i] = low;
    weights[2 * i] = 1 - (at - low);
    weights[2 * i + 1] = at - low;
  }
  return { first, weights, count: 2 };
}

/** Indices count from MARGIN rows before the first voxel: the coefficients there are part of the continued image. */
function cubicTaps(n: number, m: number): Taps {
  const first = new Int32Array(m);
  const weights = new Float64Array(4 * m);
  for (let i = 0; i < m; i++) {
    const at = ((i + 0.5) * n) / m - 0.5;
    const low = Math.floor(at);
    const t = at - low;
    first[i] = low - 1 + MARGIN;
    weights[4 * i] = (1 - t) ** 3 / 6;
    weights[4 * i + 1] = 2 / 3 - t * t * (1 - t / 2);
    weights[4 * i + 2] = 2 / 3 - (1 - t) * (1 - t) * ((1 + t) / 2);
    weights[4 * i + 3] = t ** 3 / 6;
  }
  return { first, weights, count: 4 };
}

function resizeAxis(
  source: Float32Array,
  out: Float32Array,
  outer: number,
  n: number,
  m: number,
  inner: number,
  { first, weights, count }: Taps,
  cubic: boolean,
): void {
  const rows = cubic ? n + 2 * MARGIN : n;
  const coefficients = cubic ? new Float32Array(rows * inner) : source;
  for (let o = 0; o < outer; o++) {
    if (cubic) splineCoefficients(source, o * n * inner, n, inner, coefficients as Float32Array);
    const base = cubic ? 0 : o * n * inner;
    for (let i = 0; i < m; i++) {
      const to = (o * m + i) * inner;
      let p = base + first[i]! * inner;
      if (count === 4) {
        const a = weights[4 * i]!;
        const b = weights[4 * i + 1]!;
        const c = weights[4 * i + 2]!;
        const d = weights[4 * i + 3]!;
        for (let k = 0; k < inner; k++, p++) {
          out[to + k] =
            a * coefficients[p]! +
            b * coefficients[p + inner]! +
            c * coefficients[p + 2 * inner]! +
            d * coefficients[p + 3 * inner]!;
        }
      } else {
        const a = weights[2 * i]!;
        const b = weights[2 * i + 1]!;
        const second = n > 1 ? inner : 0;
        for (let k = 0; k < inner; k++, p++) out[to + k] = a * coefficients[p]! + b * coefficients[p + second]!;
      }
    }
  }
}

const POLE = Math.sqrt(3) - 2;

/**
 * Cubic B-spline coefficients of n rows continued by their border rows without end, from MARGIN rows before to
 * MARGIN rows after. The two recursions start from the closed form of that constant continuation.
 */
export function splineCoefficients(
  source: Float32Array,
  base: number,
  n: number,
  inner: number,
  out: Float32Array,
): void {
  const z = POLE;
  const last = n - 1 + MARGIN;
  for (let k = 0; k < inner; k++) {
    // Causal: c[i] = s[i] + z c[i − 1], from the fixed point of the constant continuation.
    const low = source[base + k]!;
    const high = source[base + (n - 1) * inner + k]!;
    let c = low / (1 - z);
    for (let i = -MARGIN; i < 0; i++) out[(i + MARGIN) * inner + k] = c;
    for (let i = 0; i < n; i++) {
      c = source[base + i * inner + k]! + z * c;
      out[(i + MARGIN) * inner + k] = c;
    }
    // Anticausal, from the closed form beyond the end: there c[n − 1 + j] = high/(1 − z) + excess·z^j.
    const fixed = high / (1 - z);
    const excess = c - fixed;
    let d = 0;
    for (let j = MARGIN; j >= 0; j--) {
      d = -z * (fixed / (1 - z) + (excess * z ** j) / (1 - z * z));
      out[(last + j) * inner + k] = 6 * d;
    }
    for (let i = last - 1; i >= 0; i--) {
      d = z * (d - out[i * inner + k]!);
      out[i * inner + k] = 6 * d;
    }
  }
}
