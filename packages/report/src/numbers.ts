import { percentile } from "@nnunet/core";
import type { Estimate } from "./report-data.ts";

/* How numbers stand in the report: Dice with three decimals, volumes with three digits, "–" for what is not defined. */

export const absent = "–";

/** "0.871" */
export const dice = (value: number | null | undefined) =>
  value === null || value === undefined ? absent : value.toFixed(3);

/** "0.848 to 0.894"; "–" where there is no interval. */
export function interval({ low, high }: Estimate, show: (value: number) => string = dice): string {
  return low === null || high === null ? absent : `${show(low)} to ${show(high)}`;
}

/** The interval, where so many cases have the score that anything follows for others. */
export function claim(estimate: Estimate, fewestToTell: number, show?: (value: number) => string): string {
  return estimate.cases < fewestToTell && estimate.low !== null ? "too few" : interval(estimate, show);
}

/** "+3.1 %" */
export function signedPercent(share: number | null): string {
  if (share === null) return absent;
  const value = 100 * share;
  const sign = value > 0 ? "+" : value < 0 ? "−" : "";
  return `${sign}${Math.abs(value).toFixed(Math.abs(value) < 9.95 ? 1 : 0)} %`;
}

/** "12 %"; what is not quite none or all does not become it by rounding. */
export function percent(share: number): string {
  if (share > 0.995 && share < 1) return "over 99 %";
  if (share > 0 && share < 0.0005) return "under 0.1 %";
  return `${(100 * share).toFixed(100 * share < 9.95 && share > 0 ? 1 : 0)} %`;
}

/** Three significant digits, without exponents for what people meet. */
export function short(value: number | null): string {
  if (value === null) return absent;
  if (Number.isInteger(value) && Math.abs(value) < 1e6) return String(value);
  return Math.abs(value) >= 1000 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}

/** "−0.593" */
export const decimals = (value: number) => value.toFixed(3).replace("-", "−");

/** "75 s", "12 min", "3 h 20 min" */
export function duration(seconds: number | null): string {
  if (seconds === null) return absent;
  if (seconds < 90) return `${seconds < 9.95 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** The value below which a fraction lies; null of no values. */
export function quantile(values: readonly number[], fraction: number): number | null {
  return values.length === 0 ? null : percentile(Float64Array.from(values).sort(), fraction);
}
