/** Part of a budget that is left for what cannot be measured before: the report, a busy disk. */
const SPARE = 0.03;
/** By which a budget that is named as sufficient is larger than the work was measured to be. */
const MARGIN = 1.05;

export interface Budget {
  readonly seconds: number;
  /** Seconds that may still be spent. */
  left(): number;
  /** Seconds that have gone by. */
  spent(): number;
}

/** The clock of a budget; it starts now. */
export function startBudget(seconds: number, clock: () => number = () => performance.now() / 1000): Budget {
  const began = clock();
  const spent = () => clock() - began;
  return { seconds, spent, left: () => seconds * (1 - SPARE) - spent() };
}

/**
 * The smallest budget that work fits into, as it can be typed: whole seconds below two minutes, else tenths of a minute.
 *
 * @param seconds - of the work
 * @param before - what goes by before it begins: checking, measuring the dataset and the costs
 */
export function budgetFor(seconds: number, before: number): number {
  const needed = (MARGIN * (seconds + before)) / (1 - SPARE);
  return needed < 120 ? Math.ceil(needed) : 6 * Math.ceil(needed / 6);
}

/** @example shownBudget(3600); // "60 min" */
export function shownBudget(seconds: number): string {
  return seconds < 120 ? `${Number(seconds.toPrecision(3))} s` : `${Number((seconds / 60).toFixed(1))} min`;
}
