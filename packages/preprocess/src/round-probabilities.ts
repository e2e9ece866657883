import { InvalidArgumentError } from "@nnunet/core";

/** Below this a probability is kept to the nearest multiple of {@link STEP}; from it on it stays as it is. */
const TAIL = 2 ** -10;
/** The distance of float32 numbers just below 1, so all that a tail can add to a probability near 1. */
const STEP = 2 ** -24;

/**
 * Probabilities without the digits that cannot matter, so that they compress: those below 2⁻¹⁰ become multiples of 2⁻²⁴,
 * by at most 3·10⁻⁸. What a voxel is decided by (its largest probability, or one near 0.5) is kept bit by bit; a mean of
 * several volumes moves by at most 3·10⁻⁸, which is how far float32 numbers below 0.5 lie apart.
 *
 * @param values - changed in place
 * @throws {InvalidArgumentError} if a value is no probability
 */
export function roundProbabilities(values: Float32Array): void {
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    // A mean of many exceeds 1 by rounding, cubic resampling leaves [0, 1] beside edges.
    if (value >= TAIL && value < 2) continue;
    if (!(value > -1 && value < TAIL)) throw new InvalidArgumentError("probabilities", "numbers from 0 to 1", value);
    values[i] = Math.round(value / STEP) * STEP;
  }
}
