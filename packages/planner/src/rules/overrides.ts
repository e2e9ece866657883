import { augmentationSets, averagings, InvalidArgumentError, normalizationSchemes, show } from "@nnunet/core";
import type { Blueprint } from "./blueprint.ts";

type Check = { readonly expected: string; readonly holds: (value: unknown) => boolean };

const number = (expected: string, holds: (value: number) => boolean): Check => ({
  expected,
  holds: (value) => typeof value === "number" && Number.isFinite(value) && holds(value),
});
const positive = number("a positive number", (n) => n > 0);
const positiveInteger = number("a positive integer", (n) => Number.isInteger(n) && n > 0);
const fraction = number("a number in (0, 1]", (n) => n > 0 && n <= 1);
const order = number("a spline order of 0, 1 or 3", (n) => n === 0 || n === 1 || n === 3);
const flag: Check = { expected: "true or false", holds: (value) => typeof value === "boolean" };
const oneOf = (...values: readonly unknown[]): Check => ({
  expected: values.map((value) => show(value)).join(" or "),
  holds: (value) => values.includes(value),
});
const counts: Check = {
  expected: "a list of positive integers",
  holds: (value) => Array.isArray(value) && value.length > 0 && value.every(positiveInteger.holds),
};
const schemes = Object.keys(normalizationSchemes);

const checks: Readonly<Record<keyof Blueprint, Check>> = {
  architecture: oneOf("plain", "residual"),
  baseFeatures: positiveInteger,
  maximumFeatures2d: positiveInteger,
  maximumFeatures3d: positiveInteger,
  convsPerStage: counts,
  convsPerStageDecoder: counts,
  convBias: flag,
  transposedConvBias: flag,
  headBias: flag,
  normEpsilon: positive,
  leakyReluSlope: number("a number of at least 0", (n) => n >= 0),
  minimumFeatureMapEdge: positiveInteger,
  minimumBatchSize: positiveInteger,
  maximumBatchFraction: fraction,
  anisotropyThreshold: number("a number of at least 1", (n) => n >= 1),
  targetSpacingPercentile: number("a percentile from 0 to 100", (n) => n >= 0 && n <= 100),
  cascadeTrigger: number("a fraction from 0 (never a cascade) to 1", (n) => n >= 0 && n <= 1),
  cascadeCoverage: fraction,
  cascadeSpacingStep: positive,
  cascadeMinimumShrinkage: number("a number of at least 1", (n) => n >= 1),
  maskThreshold: number("a fraction from 0 (never a mask) to 1", (n) => n >= 0 && n <= 1),
  dummy2dThreshold: number("a number of at least 1", (n) => n >= 1),
  imageOrder: order,
  imageOrderZ: order,
  segmentationOrder: oneOf(0, 1),
  segmentationOrderZ: oneOf(0, 1),
  probabilitiesOrder: order,
  probabilitiesOrderZ: order,
  forceSeparateZ: oneOf(true, false, null),
  normalizationSchemes: {
    expected: `null, or one of ${schemes.join(", ")} per channel`,
    holds: (value) => value === null || (Array.isArray(value) && value.every((v) => schemes.includes(v))),
  },
  normalizeBeforeResampling: flag,
  averaging: oneOf(...averagings),
  augmentation: oneOf(...augmentationSets),
  plansName: { expected: "a name", holds: (value) => typeof value === "string" && /^[\w-]+$/.test(value) },
};

/** The names that `PlannerOptions.overrides` may have. */
export const overridableParameters = Object.keys(checks) as readonly (keyof Blueprint)[];

/**
 * A rule set's blueprint with some of its parameters replaced.
 *
 * @throws {InvalidArgumentError} if a name is unknown (the message has the nearest ones) or a value is outside its domain
 */
export function overrideBlueprint(blueprint: Blueprint, overrides: Readonly<Record<string, unknown>>): Blueprint {
  for (const [name, value] of Object.entries(overrides)) {
    if (!Object.hasOwn(checks, name)) {
      throw new InvalidArgumentError(`overrides.${name}`, `a parameter of the blueprint (${nearest(name)})`, value);
    }
    const { expected, holds } = checks[name as keyof Blueprint];
    if (!holds(value)) throw new InvalidArgumentError(`overrides.${name}`, expected, value);
  }
  return { ...blueprint, ...(overrides as Partial<Blueprint>) };
}

/** The known names that look most like a wrong one. */
function nearest(wrong: string): string {
  const lower = wrong.toLowerCase();
  const scored = overridableParameters.map((name) => ({ name, distance: editDistance(lower, name.toLowerCase()) }));
  const sorted = scored.sort((a, b) => a.distance - b.distance);
  const alike = sorted.filter(({ distance }, i) => i === 0 || (i < 3 && distance <= wrong.length / 2));
  return `the nearest: ${alike.map(({ name }) => name).join(", ")}; \`overridableParameters\` lists all`;
}

/** Letters to insert, remove or replace until one word is the other (Levenshtein). */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
