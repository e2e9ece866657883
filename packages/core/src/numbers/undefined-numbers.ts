/**
 * The mean of the values that are defined; NaN if none is.
 *
 * @example meanOfDefined([0.8, Number.NaN, 0.9]); // 0.85
 */
export function meanOfDefined(values: readonly number[]): number {
  const defined = values.filter((value) => !Number.isNaN(value));
  return defined.reduce((sum, value) => sum + value, 0) / defined.length;
}

/** null stands for what JSON has no number for: undefined and infinite. */
export const finiteOrNull = (value: number): number | null => (Number.isFinite(value) ? value : null);
