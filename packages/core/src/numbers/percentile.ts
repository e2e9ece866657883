/**
 * The value below which a fraction of the values lies: linear between the two nearest ranks, in NumPy's form, which is
 * exact at both ends.
 *
 * @param sorted - ascending, at least one; infinite values are allowed
 * @param fraction - 0 to 1
 * @example percentile([5, 10, 10, 10], 0.1); // 6.5
 */
export function percentile(sorted: ArrayLike<number>, fraction: number): number {
  const rank = fraction * (sorted.length - 1);
  const below = Math.floor(rank);
  const part = rank - below;
  const [lower, upper] = [sorted[below]!, sorted[Math.min(below + 1, sorted.length - 1)]!];
  if (lower === upper) return lower; // infinite ones: ∞ − ∞ would be no number
  return part < 0.5 ? lower + (upper - lower) * part : upper - (upper - lower) * (1 - part);
}

/**
 * The middle value, or the mean of the two middle ones.
 *
 * @param values - at least one, in any order
 * @example median([4, 1, 3, 2]); // 2.5
 */
export function median(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort();
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
