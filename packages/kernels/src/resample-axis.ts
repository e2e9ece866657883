/**
 * How one axis is resampled: output sample j is a weighted sum of `taps` neighbouring input samples (or, for the cubic
 * spline, of spline coefficients), starting at `start[j]`.
 *
 * Output voxel j lies at (j + 0.5) · from / to − 0.5 in input voxels: the edges of the two grids coincide.
 */
export interface AxisResampling {
  readonly from: number;
  readonly to: number;
  readonly order: 0 | 1 | 3;
  /** Weights per output sample: 1, 2 or 4. */
  readonly taps: number;
  /** First input sample of each output sample. For order 3 it counts from coefficient −2. */
  readonly start: Int32Array;
  /** `taps` per output sample. */
  readonly weights: Float64Array;
}

/** Coefficients that the cubic spline needs before the first and after the last sample. */
export const SPLINE_MARGIN = 2;

/**
 * @param from - input samples, at least 1
 * @param to - output samples, at least 1
 * @param order - 0: nearest, a tie goes to the higher index; 1: linear, clamped to the outermost samples; 3: cubic
 *   B-spline over an image continued by its edge values
 */
export function axisResampling(from: number, to: number, order: 0 | 1 | 3): AxisResampling {
  if (from === 1) order = 0; // a single sample is a constant, whatever the order
  const taps = order + 1;
  const start = new Int32Array(to);
  const weights = new Float64Array(to * taps);
  const ratio = from / to;
  for (let j = 0; j < to; j++) {
    const position = (j + 0.5) * ratio - 0.5;
    if (order === 0) {
      start[j] = Math.min(from - 1, Math.max(0, Math.floor(position + 0.5)));
      weights[j] = 1;
    } else if (order === 1) {
      const clamped = Math.min(from - 1, Math.max(0, position));
      // The last sample is reached from its left neighbour, so that both taps lie inside the axis.
      const first = Math.max(0, Math.min(from - 2, Math.floor(clamped)));
      start[j] = first;
      // SciPy's rounding: of the two weights that sum to one, the second is what the first leaves.
      weights[2 * j] = 1 - (clamped - first);
      weights[2 * j + 1] = 1 - weights[2 * j]!;
    } else {
      const first = Math.floor(position);
      const t = position - first;
      const s = 1 - t;
      start[j] = first - 1 + SPLINE_MARGIN;
      // The four pieces of the cubic B-spline, times its gain of 6.
      weights[4 * j] = s * s * s;
      weights[4 * j + 1] = 4 - 3 * t * t * (2 - t);
      weights[4 * j + 2] = 4 - 3 * s * s * (2 - s);
      weights[4 * j + 3] = t * t * t;
    }
  }
  return { from, to, order, taps, start, weights };
}

/** The two samples that an output sample mixes. */
export interface LinearTaps {
  /** Two per output sample. */
  readonly index: Int32Array;
  /** Two per output sample. */
  readonly weights: Float64Array;
}

/** Two samples and their weights per output sample, for orders 0 and 1 and unchanged axes alike. */
export function linearTaps(from: number, to: number, order: 0 | 1): LinearTaps {
  const axis = axisResampling(from, to, from === to ? 0 : order);
  const index = new Int32Array(2 * to);
  const weights = new Float64Array(2 * to);
  for (let j = 0; j < to; j++) {
    index[2 * j] = axis.start[j]!;
    index[2 * j + 1] = axis.taps === 2 ? axis.start[j]! + 1 : axis.start[j]!;
    weights[2 * j] = axis.weights[axis.taps * j]!;
    weights[2 * j + 1] = axis.taps === 2 ? axis.weights[2 * j + 1]! : 0;
  }
  return { index, weights };
}
