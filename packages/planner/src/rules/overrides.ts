import { InvalidArgumentError } from "@nnunet/core";
import { type Blueprint, parameters } from "./blueprint.ts";

/** The names that `PlannerOptions.overrides` may have. */
export const overridableParameters = Object.keys(parameters) as readonly (keyof Blueprint)[];

/**
 * A rule set's blueprint with some of its parameters replaced.
 *
 * @throws {InvalidArgumentError} if a name is unknown (the message has the nearest ones) or a value is outside its domain
 */
export function overrideBlueprint(blueprint: Blueprint, overrides: Readonly<Record<string, unknown>>): Blueprint {
  for (const [name, value] of Object.entries(overrides)) {
    if (!Object.hasOwn(parameters, name)) {
      throw new InvalidArgumentError(`overrides.${name}`, `a parameter of the blueprint (${nearest(name)})`, value);
    }
    const { expected, holds } = parameters[name as keyof Blueprint].domain;
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
