/**
 * A number with its noun, in the singular or the plural.
 *
 * @example counted(1, "case"); // "1 case"
 * @example counted(7, "box", "boxes"); // "7 boxes"
 */
export function counted(n: number, noun: string, plural = `${noun}s`): string {
  return `${n} ${n === 1 ? noun : plural}`;
}

/**
 * A list for a sentence; of a long one the first few and how many more there are.
 *
 * @example listed(["a", "b", "c"], 2); // "a, b and 1 more"
 */
export function listed(items: readonly string[], most = 12): string {
  if (items.length <= most) return items.join(", ");
  return `${items.slice(0, most).join(", ")} and ${items.length - most} more`;
}
