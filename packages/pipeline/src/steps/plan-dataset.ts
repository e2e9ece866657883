import { readdir } from "node:fs/promises";
import { join } from "node:path";
import {
  datasetToJson,
  FileError,
  type Fingerprint,
  fingerprintFromJson,
  fingerprintToJson,
  InvalidArgumentError,
  listed,
  normalizationSchemes,
  type PlannerOptions,
  type Plans,
  plansFromJson,
  plansToJson,
  type RawDataset,
  type StageOptions,
} from "@nnunet/core";
import { readJson, whileLocked } from "@nnunet/core/node";
import { planWarnings } from "@nnunet/planner";
import { type Folders, preprocessedPaths } from "../folders.ts";
import { contentHash, exists, recordedHash, recordHash } from "../records/made-from.ts";
import { originOf, keepEdited, writeOwn } from "../records/own-files.ts";
import { type Context, defaultStages, identity } from "../stages.ts";
import { checkedRecipe } from "../variants/recipe.ts";
import { asVariant, plansAmong } from "../variants/variant-plans.ts";

export interface PlanResult {
  readonly plans: Plans;
  readonly path: string;
  readonly made: boolean;
}

export interface PlanOptions extends PlannerOptions, StageOptions {
  readonly keep?: boolean | undefined;
  /** A name for what is asked for here, which plan and results are then called after: `nnUNetPaperPlans_<variant>`. */
  readonly variant?: string | undefined;
  /** How the networks of the variant are trained: settings of the trainer, `batchSize`, `baseFeatures`. Its plan keeps it. */
  readonly training?: Readonly<Record<string, unknown>> | undefined;
}

/**
 * `dataset_fingerprint.json` → `<plansName>.json`.
 *
 * @param options.keep - leave a plan alone that was made from the same fingerprint and options, also if a person has
 *   edited it since, and use one that another tool made; `nnunet run` asks for this. A plan edited by hand is never
 *   lost: before another one is written over it, it is copied to `<plansName>.edited.json`.
 * @throws {FileError} if there is no fingerprint, or the plan's name is taken by another tool's
 */
export async function planDataset(
  { stages, folders }: Context,
  dataset: RawDataset,
  { keep = false, variant, training = {}, onEvent, signal, ...plannerOptions }: PlanOptions = {},
): Promise<PlanResult> {
  const paths = preprocessedPaths(folders, dataset.name);
  if (!(await exists(paths.fingerprint))) {
    throw new FileError(paths.fingerprint, `there is no fingerprint yet; run \`fingerprint(${dataset.id})\` first`);
  }
  const fingerprint = fingerprintFromJson(await readJson(paths.fingerprint), paths.fingerprint);
  const began = performance.now();
  const ended = (detail: string) =>
    onEvent?.({ type: "stage-end", stage: "plan", seconds: (performance.now() - began) / 1000, detail });
  onEvent?.({ type: "stage-start", stage: "plan", detail: `by the planner ${stages.planner.name}` });
  const isDefault = stages.planner === defaultStages.planner;
  const given = stages.planner.plan(fingerprint, dataset.json, plannerOptions);
  const made = isDefault ? given : checkedPlans(given, stages.planner.name);
  const named = { ...made, datasetName: dataset.name, ...(isDefault ? {} : { planner: identity(stages.planner) }) };
  const recipe = checkedRecipe(stages.trainer, training);
  if (variant === undefined && Object.keys(recipe).length > 0) {
    const expected = `a variant's name with ${listed(Object.keys(recipe).map((name) => `\`${name}\``))}: the plan of a rule set has no options of training`;
    throw new InvalidArgumentError("variant", expected, variant);
  }
  const asked = variant === undefined ? undefined : { name: variant, planner: plain(plannerOptions), training: recipe };
  const original = async () => {
    const { ruleSet, overrides } = plannerOptions;
    const { plansName } = made;
    if (await exists(paths.plans(plansName))) return plansFromJson(await readJson(paths.plans(plansName)), plansName);
    const kept = overrides?.["plansName"] === undefined ? {} : { overrides: { plansName } };
    return stages.planner.plan(fingerprint, dataset.json, { ...(ruleSet !== undefined && { ruleSet }), ...kept });
  };
  const plans = asked === undefined ? named : asVariant(named, await original(), asked);
  for (const text of planWarnings(plans, fingerprint, dataset.json)) {
    onEvent?.({ type: "message", stage: "plan", level: "warning", text });
  }
  const path = paths.plans(plans.plansName);
  const name = `plans ${plans.plansName}`;
  // Without the version: an upgrade must neither replace a plan that was trained with, nor one edited by hand.
  const inputs = contentHash([
    identity(stages.planner),
    plannerOptions,
    fingerprintToJson(asTaken(fingerprint, plans)),
    datasetToJson(dataset.json),
    ...(asked ? [asked] : []),
  ]);
  const json = plansToJson(plans);
  const warn = (text: string) => onEvent?.({ type: "message", stage: "plan", level: "warning", text });
  const write = async (): Promise<PlanResult> => {
    const origin = await originOf(paths.madeFrom, name, path);
    const onDisk = origin === "absent" ? undefined : await readJson(path);
    if (keep && onDisk !== undefined && (await recordedHash(paths.madeFrom, name)) === inputs) {
      ended("up to date");
      return { plans: plansFromJson(onDisk, path), path, made: false };
    }
    if (origin === "foreign" && contentHash(onDisk) !== contentHash(JSON.parse(JSON.stringify(json)))) {
      const there = plansFromJson(onDisk, path);
      if (!keep) {
        const problem = `was made by another tool (${there.planner}) and is never replaced`;
        throw new FileError(path, `${problem}; move it away, or plan by another rule set, which has a name of its own`);
      }
      warn(`${path} was made by another tool (${there.planner}); it is kept and used`);
      ended("another tool's, kept");
      return { plans: there, path, made: false };
    }
    if (origin === "edited") warn(`${path} was edited by hand; kept as ${await keepEdited(path)}`);
    await writeOwn(paths.madeFrom, name, path, json);
    await recordHash(paths.madeFrom, name, inputs);
    ended(path);
    return { plans, path, made: true };
  };
  return whileLocked(path, "planning", write, { wait: { stage: "plan" }, signal, onEvent });
}

/**
 * What a planner of one's own made, if it can be read back from its file: every later command would refuse it.
 *
 * @throws {FileError} if it is no plan
 * @throws {InvalidArtifactError} naming the field
 */
function checkedPlans(made: unknown, planner: string): Plans {
  const whose = `planner ${planner}`;
  const isPlan = typeof made === "object" && made !== null && "configurations" in made && "explanation" in made;
  if (!isPlan) {
    const what = made instanceof Promise ? "a promise: plan() is synchronous" : "none";
    throw new FileError(
      whose,
      `what its plan() returns is no plan, but ${what}; wrap defaultPlanner of @nnunet/planner`,
    );
  }
  const plans = made as Plans;
  const schemes = Object.values(plans.configurations).flatMap((each) => each.normalizationSchemes);
  const odd = schemes.find((scheme) => !Object.hasOwn(normalizationSchemes, scheme));
  if (odd !== undefined) {
    const known = Object.keys(normalizationSchemes).join(", ");
    throw new FileError(whose, `plans the normalization ${JSON.stringify(odd)}; there are ${known}`);
  }
  if (Object.keys(plans.configurations).length === 0) throw new FileError(whose, "plans no configuration");
  plansFromJson(JSON.parse(JSON.stringify(plansToJson(plans))), whose);
  return plans;
}

/** As it is read back from a file. */
const plain = (options: PlannerOptions) => JSON.parse(JSON.stringify(options)) as Readonly<Record<string, unknown>>;

/** Of the fingerprint's statistics those that the plan took; a plan by all voxels is not made of those that v2 draws. */
function asTaken(fingerprint: Fingerprint, { foregroundIntensityPerChannel }: Plans): Fingerprint {
  const { pooledForegroundIntensityPerChannel: _, ...rest } = fingerprint;
  return { ...rest, foregroundIntensityPerChannel };
}

/**
 * A plan of a dataset from disk.
 *
 * @param plansName - may be left out where the dataset has one plan only; a variant is always named
 */
export async function loadPlans(folders: Folders, dataset: RawDataset, plansName?: string): Promise<Plans> {
  const paths = preprocessedPaths(folders, dataset.name);
  const planFirst = `run \`plan(${dataset.id})\` first`;
  if (plansName !== undefined) {
    const path = paths.plans(plansName);
    if (!(await exists(path))) throw new FileError(path, `there is no such plan; ${planFirst}`);
    return plansFromJson(await readJson(path), path);
  }
  const names = await readdir(paths.folder).catch(() => []);
  const { own, variants } = plansAmong(names);
  const [first, ...others] = own;
  if (first === undefined) {
    const known =
      variants.length > 0
        ? `of the rule sets; choose a variant, ${variants.join(", ")}, by \`plansName\``
        : `yet; ${planFirst}`;
    throw new FileError(paths.folder, `there is no plan ${known}`);
  }
  if (others.length > 0) {
    throw new FileError(paths.folder, `holds several plans; choose one of ${own.join(", ")} by \`plansName\``);
  }
  const path = join(paths.folder, `${first}.json`);
  return plansFromJson(await readJson(path), path);
}
