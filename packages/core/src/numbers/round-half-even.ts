/**
 * The nearest integer; a tie goes to the even neighbour, as in NumPy and Python.
 *
 * Wherever a ratio becomes an integer (target shape, patch size, sliding-window starts) this is the rounding of
 * nnU-Net. `Math.round` sends ties up: sliding-window starts then differed on 791 of 4,000 random axes.
 *
 * @example roundHalfEven(2.5); // 2
 * @example roundHalfEven(3.5); // 4
 */
export function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  const fraction = x - floor;
  if (fraction < 0.5) return floor;
  if (fraction > 0.5) return floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}
