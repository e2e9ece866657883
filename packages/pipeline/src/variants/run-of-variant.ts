import { readdir } from "node:fs/promises";
import {
  FileError,
  InvalidArgumentError,
  listed,
  type PlannerOptions,
  plansFromJson,
  type RawDataset,
} from "@nnunet/core";
import { exists, readJson } from "@nnunet/core/node";
import { preprocessedPaths } from "../folders.ts";
import type { RunOptions } from "../jobs/run-options.ts";
import { contentHash } from "../records/made-from.ts";
import type { Context } from "../stages.ts";
import type { PlanOptions } from "../steps/plan-dataset.ts";
import { recordedRecipe, withRecipe } from "./recipe.ts";
import { plansAmong } from "./variant-plans.ts";

/**
 * The options of a run with all that its plan says: of a variant that is there, the planner's options and those of the
 * trainings; of a variant that is new, what is given.
 *
 * @throws {InvalidArgumentError} if something is given that is not the variant's
 * @throws {FileError} if variants of several plans have this name
 */
export async function optionsOfVariant(
  { folders, stages }: Context,
  dataset: RawDataset,
  options: RunOptions,
): Promise<RunOptions> {
  const { variant, plansName, planner = {}, budgetSeconds } = options;
  const paths = preprocessedPaths(folders, dataset.name);
  if (variant === undefined) {
    const isThere = plansName !== undefined && (await exists(paths.plans(plansName)));
    if (!isThere) return options;
    return withRecipe(stages.trainer, plansFromJson(await readJson(paths.plans(plansName)), plansName), options);
  }
  const names = await readdir(paths.folder).catch(() => []);
  const [found, ...others] = plansAmong(names).variants.filter((name) => name.endsWith(`Plans_${variant}`));
  if (found === undefined) {
    // how long trainings are is the budget's to say
    const { epochs: _, iterationsPerEpoch: _i, validationIterations: _v, ...settings } = options.settings ?? {};
    const training = { ...options, settings: budgetSeconds === undefined ? options.settings : settings };
    return { ...options, recipe: recordedRecipe(training) };
  }
  if (others.length > 0) {
    throw new FileError(
      paths.folder,
      `has variants of several plans under this name; choose one of ${listed([found, ...others])} by \`plansName\``,
    );
  }
  const path = paths.plans(found);
  const plans = plansFromJson(await readJson(path), path);
  if (plans.variant === undefined) return { ...options, recipe: recordedRecipe(options) }; // of another tool: planning says so
  refuseOtherPlanning(plans.variant, planner);
  const recipe = plans.variant.training;
  return { ...withRecipe(stages.trainer, plans, options), planner: plans.variant.planner, recipe };
}

const optionNames = {
  ruleSet: "planner",
  gpuMemoryGb: "gpuMemoryGb",
  targetSpacing: "targetSpacing",
  overrides: "overrides",
};

function refuseOtherPlanning(
  { name, planner }: { readonly name: string; readonly planner: Readonly<Record<string, unknown>> },
  asked: PlannerOptions,
): void {
  for (const [option, value] of Object.entries(asked)) {
    if (value === undefined || contentHash(value) === contentHash(planner[option])) continue;
    const own = planner[option] === undefined ? "the default" : JSON.stringify(planner[option]);
    const argument = optionNames[option as keyof typeof optionNames];
    const expected = `${own}, as the variant ${name} was planned with; leave \`${argument}\` out, or choose another name by \`variant\``;
    throw new InvalidArgumentError(argument, expected, value);
  }
}

/** What a run gives to the planner. */
export function planningOf({
  planner = {},
  variant,
  recipe,
}: RunOptions): Omit<PlanOptions, "keep" | "signal" | "onEvent"> {
  return variant === undefined ? planner : { ...planner, variant, training: recipe };
}
