import { normalizationSchemes, show } from "@nnunet/core";

/** The values that a parameter may have, for people and for the check. */
export interface Domain {
  readonly expected: string;
  readonly holds: (value: unknown) => boolean;
}

const number = (expected: string, holds: (value: number) => boolean): Domain => ({
  expected,
  holds: (value) => typeof value === "number" && Number.isFinite(value) && holds(value),
});
export const positive = number("a positive number", (n) => n > 0);
export const positiveInteger = number("a positive integer", (n) => Number.isInteger(n) && n > 0);
export const fraction = number("a number in (0, 1]", (n) => n > 0 && n <= 1);
export const order = number("a spline order of 0, 1 or 3", (n) => n === 0 || n === 1 || n === 3);
export const flag: Domain = { expected: "true or false", holds: (value) => typeof value === "boolean" };
export const oneOf = (...values: readonly unknown[]): Domain => ({
  expected: values.map((value) => show(value)).join(" or "),
  holds: (value) => values.includes(value),
});
export const counts: Domain = {
  expected: "a list of positive integers",
  holds: (value) => Array.isArray(value) && value.length > 0 && value.every(positiveInteger.holds),
};
export const atLeastZero = number("a number of at least 0", (n) => n >= 0);
export const atLeastOne = number("a number of at least 1", (n) => n >= 1);
export const percentile = number("a percentile from 0 to 100", (n) => n >= 0 && n <= 100);
/** @param what - what 0 means */
export const fractionOrNever = (what: string): Domain =>
  number(`a fraction from 0 (${what}) to 1`, (n) => n >= 0 && n <= 1);
export const name: Domain = {
  expected: "a name",
  holds: (value) => typeof value === "string" && /^[\w-]+$/.test(value),
};
const schemes = Object.keys(normalizationSchemes);
export const schemePerChannel: Domain = {
  expected: `null, or one of ${schemes.join(", ")} per channel`,
  holds: (value) => value === null || (Array.isArray(value) && value.every((v) => schemes.includes(v))),
};
