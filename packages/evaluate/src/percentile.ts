/**
 * The value below which a fraction of the sorted values lies: linear between the two nearest ranks, as NumPy's default.
 *
 * @param sorted - ascending, at least one; infinite values are allowed at the ends
 * @param fraction - 0 to 1
 * @example percentile([1, 2, 4], 0.75); // 3
 */
export function percentile(sorted: ArrayLike<number>, fraction: number): number {
  const rank = (sorted.length - 1) * fraction;
  const below = Math.floor(rank);
  const [low, high] = [sorted[below]!, sorted[Math.min(below + 1, sorted.length - 1)]!];
  return low === high ? low : low + (high - low) * (rank - below); // equal: ∞ − ∞ would be no number
}
