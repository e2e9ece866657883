/**
 * A percentile with NumPy's linear interpolation between the two nearest values.
 *
 * @param values - at least one, in any order
 * @param percent - 0 to 100
 * @example percentile([5, 10, 10, 10], 10); // 6.5
 */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = Float64Array.from(values).sort();
  const position = (percent / 100) * (sorted.length - 1);
  const below = Math.floor(position);
  const fraction = position - below;
  const lower = sorted[below]!;
  const upper = sorted[Math.min(below + 1, sorted.length - 1)]!;
  // NumPy's form, which is exact at both ends
  return fraction < 0.5 ? lower + (upper - lower) * fraction : upper - (upper - lower) * (1 - fraction);
}

/** The middle value, or the mean of the two middle ones. */
export function median(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort();
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The median of each axis on its own. */
export function medianPerAxis(rows: readonly (readonly number[])[]): number[] {
  return rows[0]!.map((_, axis) => median(rows.map((row) => row[axis]!)));
}
