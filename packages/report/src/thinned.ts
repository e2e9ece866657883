/**
 * At most `most` of the items, evenly chosen, the first and the last among them: more marks than that say no more.
 *
 * @example thinned([1, 2, 3, 4, 5], 3); // [1, 3, 5]
 */
export function thinned<T>(items: readonly T[], most: number): readonly T[] {
  if (items.length <= most) return items;
  return Array.from({ length: most }, (_, i) => items[Math.round((i * (items.length - 1)) / (most - 1))]!);
}
