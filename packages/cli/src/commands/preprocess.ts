import type { Command } from "commander";
import { datasetArgument, datasetDescription, openNamedDataset, pipelineOf } from "../options/dataset-argument.ts";
import { nextHint, plansFlag } from "../next-hint.ts";
import {
  type CommonFlags,
  type WorkerFlags,
  withStageOptions,
  withExample,
  withWorkerOptions,
} from "../options/options.ts";
import { sharedOption } from "../options/shared-options.ts";
import type { Ending } from "../ending.ts";
import { runCommand } from "../session.ts";
import { textTable } from "../describe/text-table.ts";

interface Flags extends CommonFlags, WorkerFlags {
  readonly configurations?: string[];
  readonly plans?: string;
}

export function preprocessCommand(program: Command, ending: Ending): void {
  const command = program
    .command("preprocess")
    .description("crop, normalise and resample every training case as the plan says; finished cases are skipped")
    .argument(datasetArgument, datasetDescription)
    .addOption(
      sharedOption("configurations", { several: true, description: "configurations (default: all of the plan)" }),
    )
    .addOption(sharedOption("plans"))
    .action(async (name: string, flags: Flags) => {
      ending.code = await runCommand(flags, async ({ signal, onEvent, print }) => {
        const pipeline = await pipelineOf(flags, { onEvent });
        const dataset = await openNamedDataset(pipeline, name);
        const plans = await pipeline.loadPlans(dataset, flags.plans);
        const results = await pipeline.preprocess(dataset, plans, flags.configurations ?? [], {
          workers: flags.workers,
          maxMemoryGb: flags.maxMemory,
          signal,
          onEvent,
        });
        print(
          ...textTable(
            ["configuration", "made", "up to date", "folder"],
            results.map((r) => [r.configuration, String(r.made), String(r.skipped), r.folder]),
          ),
        );
        const chosen = await plansFlag(pipeline, dataset.name, flags.plans ?? plans.plansName);
        print(nextHint(["train", name, results.at(-1)!.configuration, "0", ...chosen], flags));
        return { value: results };
      });
    });
  withExample(withStageOptions(withWorkerOptions(command)), "nnunet preprocess 4 -c 3d_fullres --workers 4");
}
