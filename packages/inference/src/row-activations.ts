/*
 * Softmax and sigmoid of one row of voxels, in place. A row is [channel, x] in float64, contiguous in x, and only
 * voxels [first, end) count. Each pass runs along x, so that the loops stay short and in cache.
 */

/** Softmax over the channels of each voxel. */
export function softmaxRow(row: Float64Array, channels: number, length: number, first: number, end: number): void {
  if (channels === 2) {
    // one exponential instead of two: the sigmoid of the difference
    for (let x = first; x < end; x++) row[length + x]! -= row[x]!;
    sigmoidRow(row, length + first, length + end);
    for (let x = first; x < end; x++) row[x] = 1 - row[length + x]!;
    return;
  }
  const size = channels * length;
  for (let x = first; x < end; x++) {
    let largest = row[x]!;
    for (let i = x + length; i < size; i += length) if (row[i]! > largest) largest = row[i]!;
    for (let i = x; i < size; i += length) row[i]! -= largest;
  }
  for (let from = 0; from < size; from += length) exponentials(row, from + first, from + end);
  for (let x = first; x < end; x++) {
    let sum = 0;
    for (let i = x; i < size; i += length) sum += row[i]!;
    const scale = 1 / sum;
    for (let i = x; i < size; i += length) row[i]! *= scale;
  }
}

/** Sigmoid of every value in [first, end). */
export function sigmoidRow(row: Float64Array, first: number, end: number): void {
  for (let from = first; from < end; from += signs.length) {
    const count = Math.min(signs.length, end - from);
    for (let i = 0; i < count; i++) {
      signs[i] = row[from + i]! < 0 ? 1 : 0;
      row[from + i] = -Math.abs(row[from + i]!); // so that the exponential cannot overflow
    }
    exponentials(row, from, from + count);
    for (let i = 0; i < count; i++) {
      const e = row[from + i]!;
      row[from + i] = (signs[i] ? e : 1) / (1 + e);
    }
  }
}

const signs = new Uint8Array(256);
const powersOfTwo = Float64Array.from({ length: 1100 }, (_, i) => 2 ** (i - 1050));

/**
 * Replaces values ≤ 0 by their exponentials, with a relative error below 1e-8 (a sixth of a float32 rounding); below
 * −700 the result is that of −700, 1e-304.
 *
 * 2^k times a Taylor polynomial of degree 7 on [−ln 2 / 2, ln 2 / 2], added up in pairs so that the multiplications
 * overlap. `Math.exp` took 10–18 ns per value here, this 4–5 ns (two-core AMD EPYC, Node 20): with 14 classes the
 * softmax is most of what the sliding window costs.
 */
export function exponentials(values: Float64Array, first: number, end: number): void {
  for (let i = first; i < end; i++) {
    let x = values[i]!;
    if (x < -700) x = -700;
    const t = x * Math.LOG2E;
    const k = (t - 0.5) | 0; // rounds t ≤ 0 to the nearest integer
    const f = (t - k) * Math.LN2;
    const f2 = f * f;
    const low = 1 + f + f2 * (1 / 2 + f * (1 / 6));
    const high = 1 / 24 + f * (1 / 120) + f2 * (1 / 720 + f * (1 / 5040));
    values[i] = powersOfTwo[k + 1050]! * (low + f2 * f2 * high);
  }
}
