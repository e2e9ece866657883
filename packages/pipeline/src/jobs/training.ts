import { findConfiguration, type Plans } from "@nnunet/core";
import type { Fold } from "../folders.ts";
import type { RunOptions } from "./run-options.ts";

/** One fold of one configuration that a run trains. */
export interface Training {
  readonly configuration: string;
  readonly fold: Fold;
}

export const trainId = ({ configuration, fold }: Training) => `train ${configuration} ${fold}`;

/**
 * The configurations that a run trains, the first network of a cascade before the second.
 *
 * @throws {UnknownStageError} if the plan has no such configuration
 */
export function configurationsOf({ configurations, cascade = true }: RunOptions, plans: Plans): string[] {
  const previousOf = (name: string) => findConfiguration(plans, name).previousConfiguration;
  const all = Object.keys(plans.configurations);
  const firsts = new Set(all.map(previousOf));
  const isOfCascade = (name: string) => previousOf(name) !== undefined || firsts.has(name);
  const names = configurations ?? (cascade ? all : all.filter((name) => !isOfCascade(name)));
  for (const name of names) findConfiguration(plans, name);
  const isSecond = (name: string) => Number(previousOf(name) !== undefined);
  return [...new Set(names)].sort((a, b) => isSecond(a) - isSecond(b));
}

/**
 * The folds that a run trains of each configuration, in the order of work. A fold of the second network of a cascade
 * is trained on what every fold of the first one found in the cases that it had not seen.
 *
 * @param known - the folds of splits_final.json
 */
export function trainingsOf(options: RunOptions, plans: Plans, known: readonly Fold[]): Training[] {
  const names = configurationsOf(options, plans);
  const folds = options.folds ?? known;
  const needsEvery = new Set(
    folds.some((fold) => fold !== "all")
      ? names.map((name) => findConfiguration(plans, name).previousConfiguration)
      : [],
  );
  return names.flatMap((configuration) => {
    const own = needsEvery.has(configuration) ? [...new Set([...known, ...folds])] : folds;
    return own.map((fold) => ({ configuration, fold }));
  });
}

/** The folds of a run that are trained on all cases; fold "all" only where there is no other. */
export function foldsOnAllCases(
  trainings: readonly Training[],
  known: { readonly all: readonly number[]; readonly heldOut: readonly number[] },
): Fold[] {
  const folds = [...new Set(trainings.map(({ fold }) => fold))];
  const numbered = folds.filter((fold) => fold !== "all" && known.all.includes(fold) && !known.heldOut.includes(fold));
  return numbered.length > 0 ? numbered : folds.filter((fold) => fold === "all");
}

/** The folds of the cross-validation that every configuration of a run has. */
export function comparedFolds(trainings: readonly Training[], known: readonly Fold[]): number[] {
  const names = new Set(trainings.map(({ configuration }) => configuration));
  const has = (configuration: string, fold: number) =>
    trainings.some((training) => training.configuration === configuration && training.fold === fold);
  return known
    .filter((fold) => fold !== "all")
    .filter((fold) => [...names].every((configuration) => has(configuration, fold)));
}
