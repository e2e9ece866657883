import { summaryToJson } from "@nnunet/evaluate";
import type { Device } from "@nnunet/inference";
import type { Fold } from "@nnunet/pipeline";
import type { Command } from "commander";
import { datasetArgument, datasetDescription, openNamedDataset, pipelineOf } from "../options/dataset-argument.ts";
import { describeBest } from "../describe/describe-best.ts";
import { type CommonFlags, deviceOption, memoryOption, withStageOptions, withExample } from "../options/options.ts";
import { sharedOption } from "../options/shared-options.ts";
import type { Ending } from "../ending.ts";
import { runCommand } from "../session.ts";

interface Flags extends CommonFlags {
  readonly configurations?: string[];
  readonly folds?: Fold[];
  readonly plans?: string;
  readonly ensembles: boolean;
  readonly strict?: boolean;
  readonly output?: string;
  readonly device: Device;
  readonly maxMemory?: number;
}

export function findBestCommand(program: Command, ending: Ending): void {
  const command = program
    .command("find-best")
    .description(
      "compare the trained configurations and every pair of them on their validation cases, decide the postprocessing, and write the final predictor",
    )
    .argument(datasetArgument, datasetDescription)
    .addOption(
      sharedOption("configurations", {
        several: true,
        description: "those to compare (default: all that are trained)",
      }),
    )
    .addOption(
      sharedOption("folds", {
        several: true,
        description:
          "folds to compare on (default: those that every configuration has); all: a predictor of fold all, not validated",
      }),
    )
    .addOption(sharedOption("plans"))
    .option("--no-ensembles", "compare single configurations only")
    .option("--strict", "refuse if a configuration of the plan, or one of the folds of splits_final.json, is missing")
    .addOption(
      sharedOption("output", {
        value: "folder",
        description: "the final predictor (default: nnUNetPredictor__PLANS in the dataset's results)",
      }),
    )
    .addOption(deviceOption())
    .addOption(memoryOption())
    .action(async (name: string, flags: Flags) => {
      ending.code = await runCommand(flags, async ({ signal, onEvent, print }) => {
        const pipeline = await pipelineOf(flags, { onEvent });
        const dataset = await openNamedDataset(pipeline, name);
        const plans = await pipeline.loadPlans(dataset, flags.plans);
        const best = await pipeline.findBest(dataset, plans, {
          configurations: flags.configurations,
          folds: flags.folds,
          ensembles: flags.ensembles,
          strict: flags.strict,
          output: flags.output,
          device: flags.device,
          maxMemoryGb: flags.maxMemory,
          signal,
          onEvent,
        });
        print(...describeBest(best, dataset.json));
        const { validation, ...value } = best;
        return { value: { ...value, ...(validation && { validation: summaryToJson(validation) }) } };
      });
    });
  withExample(withStageOptions(command), "nnunet find-best 4", "nnunet find-best 4 -c 2d 3d_fullres --strict");
}
