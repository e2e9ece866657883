/**
 * Of fewer cases, or groups of cases that belong together, nobody can tell which of two methods is better.
 *
 * Redrawing few cases makes few different samples, and all of them are on the side of the better mean: of two methods that are
 * equally good one was called better in at least 95 of 100 redraws in 50 of 100 trials with 2 cases, 27 with 4, 20 with 6,
 * 16 with 10, 14 with 20, where 10 are due; and in 100 of 100 redraws in 50, 17, 9, 4 and 3 (2000 trials of normal
 * differences; of differences as skewed as those of Dice often are, up to 3 more).
 */
export const fewestToCompare = 10;

/**
 * Of fewer cases, or groups, a mean gets no interval: what is called 95 % covered the truth in 50 % of trials with 2, 75 % with
 * 3, 80 % with 4, and in 84 % with 5 (4000 trials of normal scores).
 */
export const fewestForInterval = 5;

/** From this share of redraws on one method is better than the other whichever cases are looked at. */
const clearShare = 0.95;

/** What may be said of the better of two methods. */
export type Certainty = "too few cases" | "clear" | "close";

/**
 * @param share - of redraws in which it is better, of `bootstrapSuperiority`; NaN or null where that says nothing
 * @example certaintyOf(0.99); // "clear"
 */
export function certaintyOf(share: number | null): Certainty {
  if (share === null || Number.isNaN(share)) return "too few cases";
  return share >= clearShare ? "clear" : "close";
}
