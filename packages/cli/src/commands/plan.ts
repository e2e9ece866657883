import { basename, dirname, join, resolve } from "node:path";
import {
  datasetFromJson,
  FileError,
  fingerprintFromJson,
  InvalidArgumentError,
  isJsonObject,
  type PlannerOptions,
  type Plans,
  plansFromJson,
  plansToJson,
  printableName,
} from "@nnunet/core";
import { exists, pathBelow, readJson, writeFileAtomic, writeJsonAtomic } from "@nnunet/core/node";
import {
  comparePlans,
  defaultPlanner,
  drawNetwork,
  explainPlans,
  overridableParameters,
  planWarnings,
} from "@nnunet/planner";
import type { Command } from "commander";
import { type PlanOptions, shownRecipe } from "@nnunet/pipeline";
import { plannerOptionsOf } from "../options/planner-options.ts";
import { recipeOf } from "../options/train-options.ts";
import { datasetDescription, openNamedDataset, pipelineOf } from "../options/dataset-argument.ts";
import { namingFiles } from "../describe/name-artefact.ts";
import { nextHint, plansFlag } from "../next-hint.ts";
import {
  type CommonFlags,
  type RecipeFlags,
  withExample,
  withRecipeOptions,
  withStageOptions,
} from "../options/options.ts";
import { sharedOption } from "../options/shared-options.ts";
import type { Ending } from "../ending.ts";
import { runCommand, type Session } from "../session.ts";
import { textTable } from "../describe/text-table.ts";

interface Flags extends CommonFlags, RecipeFlags {
  readonly variant?: string;
  readonly planner?: string;
  readonly gpuMemory?: number;
  readonly set?: string[];
  readonly targetSpacing?: string[];
  readonly fingerprint?: string;
  readonly datasetJson?: string;
  readonly datasetName?: string;
  readonly output?: string;
  readonly overwrite?: boolean;
  readonly keep?: boolean;
  readonly explain?: boolean;
  readonly draw?: string;
  readonly compare?: string[];
}

export function planCommand(program: Command, ending: Ending): void {
  const command = program
    .command("plan")
    .description("derive patch size, network, batch size and all else from a fingerprint → plans.json")
    .argument("[dataset]", datasetDescription)
    .addOption(sharedOption("planner"))
    .addOption(sharedOption("gpuMemory"))
    .option("--target-spacing <z y x...>", "three numbers in mm instead of the rule's target spacing")
    .addOption(sharedOption("set", { several: true, description: "override a blueprint parameter; the value is JSON" }))
    .addOption(sharedOption("variant"))
    .option("--fingerprint <file>", "plan from this dataset_fingerprint.json, without a dataset")
    .addOption(sharedOption("datasetJson", { description: "dataset.json that goes with --fingerprint" }))
    .option(
      "--dataset-name <name>",
      "what the plan of --fingerprint calls its dataset (default: the folder DatasetNNN_NAME of its files, else the name in dataset.json)",
    )
    .addOption(sharedOption("output", { value: "file", description: "where the plan of --fingerprint goes" }))
    .addOption(sharedOption("overwrite", { description: "replace the file of --output if it exists" }))
    .option("--keep", "leave a plan alone that was made from the same, edited or not, or by another tool, as run does")
    .option("--explain", "print every decision: rule, numbers, result, what was rejected and why")
    .addOption(
      sharedOption("draw", { value: "folder", description: "draw each network into <folder>/<configuration>.svg" }),
    )
    .option("--compare <plans...>", "say what differs between two plans.json files, and why")
    .action(async (name: string | undefined, flags: Flags) => {
      ending.code = await runCommand(flags, async (session) => {
        if (flags.compare) return compareFiles(flags.compare, session.print);
        const options = plannerOptions(flags);
        const recipe = recipeOf(flags);
        const { plans, path, next } = await makePlans(
          name,
          flags,
          { ...options, variant: flags.variant, training: recipe },
          session,
        );
        session.print(...summary(plans), ...variantLines(plans));
        if (flags.explain) session.print("", ...explainPlans(plans).split("\n"));
        if (flags.draw) {
          for (const [configuration, values] of Object.entries(plans.configurations)) {
            const drawing = pathBelow(flags.draw, `${configuration}.svg`);
            const title = `${plans.datasetName}, ${configuration}`;
            await writeFileAtomic(drawing, drawNetwork(values, { title }));
            session.print(drawing);
          }
        }
        session.print(path, ...next);
        return { value: plansToJson(plans) };
      });
    });
  withExample(
    withStageOptions(withRecipeOptions(command, { engine: false })),
    "nnunet plan 4 --explain",
    "nnunet plan 4 --variant bn-adam --set norm=batch --optimiser adam",
    "nnunet plan --fingerprint dataset_fingerprint.json --dataset-json dataset.json -o plans.json",
    "nnunet plan --compare A/nnUNetPlans.json B/nnUNetPlans.json",
  );
  command.addHelpText(
    "after",
    `\nParameters for --set:\n${overridableParameters.map((name) => `  ${name}`).join("\n")}`,
  );
}

async function makePlans(
  name: string | undefined,
  flags: Flags,
  { variant, training, ...options }: PlanOptions,
  session: Session,
): Promise<{ plans: Plans; path: string; next: string[] }> {
  const { fingerprint, datasetJson, datasetName, output } = flags;
  if (name === undefined) {
    if (!fingerprint || !datasetJson || !output) {
      throw new InvalidArgumentError(
        "plan",
        "a dataset, or all three of --fingerprint, --dataset-json and --output",
        [fingerprint, datasetJson, output].filter((value) => value !== undefined),
      );
    }
    const [named] = [...(variant === undefined ? [] : ["--variant"]), ...Object.keys(training ?? {})];
    if (named !== undefined) {
      throw new InvalidArgumentError(
        named,
        "a dataset with it: a variant has a place among a dataset's plans",
        variant,
      );
    }
    const measured = fingerprintFromJson(await readJson(fingerprint), fingerprint);
    const stated = datasetFromJson(await readJson(datasetJson), datasetJson);
    // nnU-Net v2 looks for the preprocessed data in a folder of the plan's dataset name
    const called =
      datasetName ?? [output, fingerprint, datasetJson].map(datasetFolderOf).find((found) => found !== undefined);
    if (datasetName !== undefined && !datasetFolderName.test(datasetName)) {
      throw new InvalidArgumentError("--dataset-name", "a name such as Dataset004_Hippocampus", datasetName);
    }
    const dataset = called === undefined ? stated : { ...stated, name: called };
    const files = { fingerprint, dataset: datasetJson };
    const plans = await namingFiles(files, () => defaultPlanner.plan(measured, dataset, options));
    const unplaced = `the plan calls its dataset ${printableName(plans.datasetName, 60)}; nnU-Net v2 and nnunet preprocess look for a folder of that name, such as Dataset004_Hippocampus: name it by --dataset-name`;
    for (const text of [
      ...(datasetFolderName.test(plans.datasetName) ? [] : [unplaced]),
      ...planWarnings(plans, measured, dataset),
    ]) {
      session.onEvent({ type: "message", stage: "plan", level: "warning", text });
    }
    if (!flags.overwrite && (await exists(output))) {
      throw new FileError(output, "exists already; add --overwrite to replace it, or choose another name");
    }
    await writeJsonAtomic(output, plansToJson(plans));
    return { plans, path: output, next: [] };
  }
  for (const [flag, value] of Object.entries({
    "--fingerprint": fingerprint,
    "--dataset-json": datasetJson,
    "--dataset-name": datasetName,
    "--output": output,
  })) {
    if (value !== undefined) throw new InvalidArgumentError(flag, "no dataset beside it: it plans without one", name);
  }
  const pipeline = await pipelineOf(flags, session);
  const dataset = await openNamedDataset(pipeline, name);
  const measured = join(pipeline.folders.preprocessed, dataset.name, "dataset_fingerprint.json");
  const files = { fingerprint: measured, dataset: join(dataset.folder, "dataset.json") };
  const { plans, path } = await namingFiles(files, () =>
    pipeline.plan(dataset, { ...options, variant, training, keep: flags.keep, onEvent: session.onEvent }),
  );
  const chosen = await plansFlag(pipeline, dataset.name, plans.plansName);
  return { plans, path, next: [nextHint(["preprocess", name, ...chosen], flags)] };
}

const datasetFolderName = /^Dataset\d{3,}_[^/\\]+$/;

/** "Dataset004_Hippocampus", if a file lies in such a folder. */
function datasetFolderOf(path: string): string | undefined {
  const folder = basename(dirname(resolve(path)));
  return datasetFolderName.test(folder) ? folder : undefined;
}

async function compareFiles(paths: readonly string[], print: Session["print"]) {
  if (paths.length !== 2) throw new InvalidArgumentError("--compare", "two plans.json files", paths);
  const [a, b] = await Promise.all(paths.map(async (path) => plansFromJson(await readJson(path), path)));
  const differences = comparePlans(a!, b!);
  print(...differences.text.split("\n"));
  return { value: differences };
}

function plannerOptions({ targetSpacing, ...flags }: Flags): PlannerOptions {
  const spacing = targetSpacing?.map(Number);
  if (spacing && !(spacing.length === 3 && spacing.every((s) => s > 0))) {
    throw new InvalidArgumentError("--target-spacing", "three positive numbers z y x in mm", targetSpacing);
  }
  return {
    ...plannerOptionsOf(flags),
    ...(spacing ? { targetSpacing: spacing as [number, number, number] } : {}),
  };
}

/** What is asked for under the name of a variant. */
function variantLines({ variant }: Plans): string[] {
  if (variant === undefined) return [];
  const { ruleSet = "paper", overrides, ...planner } = variant.planner;
  const planned = { ruleSet, ...planner, ...(isJsonObject(overrides) ? overrides : {}) };
  const trained = Object.keys(variant.training).length > 0 ? shownRecipe(variant.training) : "the options of nnU-Net";
  return [`variant ${variant.name}: planned with ${shownRecipe(planned)}; trained with ${trained}`];
}

/** The few numbers that people look at first. */
function summary(plans: Plans): string[] {
  const show = (values: readonly number[]) => values.map((v) => Number(v.toPrecision(4))).join(" × ");
  return textTable(
    ["configuration", "spacing, mm", "median shape", "patch", "batch", "stages", "features"],
    Object.entries(plans.configurations).map(([name, c]) => [
      name,
      show(c.spacing),
      show(c.medianImageSize),
      show(c.patchSize),
      String(c.batchSize),
      String(c.architecture.strides.length),
      c.architecture.featuresPerStage.join(" "),
    ]),
  );
}
