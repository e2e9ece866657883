import type { Plans, RawDataset } from "@nnunet/core";
import { plansAmong, preprocessedPaths, type Pipeline } from "@nnunet/pipeline";
import { readdir } from "node:fs/promises";
import type { Command } from "commander";
import { datasetArgument, datasetDescription, openNamedDataset, pipelineOf } from "../options/dataset-argument.ts";
import { type CommonFlags, withStageOptions, withExample } from "../options/options.ts";
import { sharedOption } from "../options/shared-options.ts";
import type { Ending } from "../ending.ts";
import { runCommand } from "../session.ts";

interface Flags extends CommonFlags {
  readonly plans?: string;
  readonly output?: string;
  readonly overwrite?: boolean;
  readonly caseNames?: boolean;
  readonly pictures: boolean;
}

export function reportCommand(program: Command, ending: Ending): void {
  const command = program
    .command("report")
    .description("write one HTML page: how good the trained networks are, where they fail, what was chosen and why")
    .argument(datasetArgument, datasetDescription)
    .addOption(sharedOption("plans"))
    .addOption(
      sharedOption("output", {
        value: "file",
        description: "where the page goes (default: report__PLANS.html in the dataset's results)",
      }),
    )
    .addOption(sharedOption("overwrite", { description: "replace a file that is no report of ours" }))
    .option(
      "--case-names",
      "call cases by their ids; by default by their place in the sorted list, to give no names away",
    )
    .option("--no-pictures", "leave out the slices of images")
    .action(async (name: string, flags: Flags) => {
      ending.code = await runCommand(flags, async ({ signal, onEvent, print }) => {
        const pipeline = await pipelineOf(flags, { onEvent });
        const dataset = await openNamedDataset(pipeline, name);
        const plans = await plansIfAny(pipeline, dataset, flags.plans);
        const { output, overwrite, caseNames, pictures } = flags;
        const { path, data } = await pipeline.report(dataset, plans, {
          output,
          overwrite,
          caseNames,
          pictures,
          signal,
          onEvent,
        });
        print(path);
        // Pictures and drawings are what the page is for; the numbers are what a program wants.
        const { shownCases: _, networks: __, ...numbers } = data;
        return { value: { path, ...numbers } };
      });
    });
  withExample(withStageOptions(command), "nnunet report 4");
}

/** The plan asked for, or the only one; undefined where there is none yet, of which a report can be made too. */
async function plansIfAny(
  pipeline: Pipeline,
  dataset: RawDataset,
  name: string | undefined,
): Promise<Plans | undefined> {
  if (name === undefined) {
    const { folder } = preprocessedPaths(pipeline.folders, dataset.name);
    const found = await readdir(folder).catch(() => []);
    const { own, variants } = plansAmong(found);
    if (own.length + variants.length === 0) return undefined;
  }
  return pipeline.loadPlans(dataset, name);
}
