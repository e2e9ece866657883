import { InvalidArgumentError } from "@nnunet/core";
import type { Fold, RunOptions } from "@nnunet/pipeline";
import type { Command } from "commander";
import { datasetArgument, datasetDescription, openNamedDataset, pipelineOf } from "../options/dataset-argument.ts";
import { describeCommands, describeJobs } from "../describe/describe-jobs.ts";
import { describeRun, runToJson } from "../describe/describe-run.ts";
import {
  type CommonFlags,
  duration,
  type TrainFlags,
  withStageOptions,
  withExample,
  withTrainOptions,
} from "../options/options.ts";
import { sharedOption } from "../options/shared-options.ts";
import type { Ending } from "../ending.ts";
import { runCommand } from "../session.ts";
import { plannerOptionsOf } from "../options/planner-options.ts";
import { groupsBy } from "../options/group-by.ts";
import { trainOptionsOf } from "../options/train-options.ts";

interface Flags extends CommonFlags, TrainFlags {
  readonly configurations?: string[];
  readonly folds?: Fold[];
  readonly groupBy?: string;
  readonly seeds?: number;
  readonly cascade: boolean;
  readonly budget?: number;
  readonly dryRun?: boolean;
  readonly planner?: string;
  readonly gpuMemory?: number;
  readonly set?: string[];
  readonly variant?: string;
  readonly plans?: string;
}

export function runEverythingCommand(program: Command, ending: Ending): void {
  const command = program
    .command("run")
    .description(
      "everything in order: convert, verify, split, fingerprint, plan, preprocess, train with validation, find-best (which makes the final predictor), test, report; what is done is skipped, and several processes share the work",
    )
    .argument(datasetArgument, `${datasetDescription}; a Decathlon or nnU-Net v1 folder is converted first`)
    .addOption(
      sharedOption("configurations", { several: true, description: "configurations (default: all of the plan)" }),
    )
    .addOption(sharedOption("folds", { several: true, description: "folds (default: 0 1 2 3 4)" }))
    .addOption(sharedOption("groupBy"))
    .addOption(sharedOption("seeds"))
    .option("--no-cascade", "leave out the cascade, that is 3d_lowres and 3d_cascade_fullres")
    .option(
      "--budget <time>",
      "all of it in so much time (90m, 2h): measures a step, chooses configurations, folds and epochs, says what is given up",
      duration,
    )
    .option(
      "--dry-run",
      "print the jobs with what they need and their time and memory (measured by a few steps), and do none",
    )
    .addOption(sharedOption("planner"))
    .addOption(sharedOption("gpuMemory"))
    .addOption(sharedOption("set", { several: true }))
    .addOption(sharedOption("variant"))
    .addOption(
      sharedOption("plans", { description: "name of a plan that is there, of nnU-Net v2 say, instead of planning" }),
    )
    .action(async (name: string, flags: Flags) => {
      ending.code = await runCommand(flags, async (session) => {
        if (flags.dryRun && flags.budget !== undefined) {
          const expected = "one of --dry-run and --budget: what a budget gives up is known once the run has measured";
          throw new InvalidArgumentError("--budget", expected, "both");
        }
        const pipeline = await pipelineOf(flags, session);
        const { groupBy, seeds } = flags;
        // a dry run converts nothing
        const open = () => (flags.dryRun ? openNamedDataset(pipeline, name) : pipeline.open(name, session));
        const groups = groupBy === undefined ? undefined : await groupsBy(groupBy, await open());
        const options: RunOptions = {
          ...trainOptionsOf(flags, session),
          ...(groups && { groups, groupedBy: groupBy }),
          seeds,
          configurations: flags.configurations,
          folds: flags.folds,
          ...(flags.cascade ? {} : { cascade: false }),
          budgetSeconds: flags.budget,
          plansName: flags.plans,
          variant: flags.variant,
          planner: plannerOptionsOf(flags),
        };
        if (flags.dryRun) {
          const status = await pipeline.rehearse(await open(), { ...options, probe: true });
          session.print(...describeJobs(status), ...describeCommands(status));
          return { value: status };
        }
        const result = await pipeline.run(name, options);
        session.print(...describeRun(result));
        return { value: runToJson(result) };
      });
    });
  withExample(
    withStageOptions(withTrainOptions(command)),
    "nnunet run 4 --dry-run",
    "nnunet run 4 --budget 2h",
    "nnunet run 4 --variant adam --optimiser adam --initial-learning-rate 0.0003",
    "nnunet run 4 -c 3d_fullres -f 0 --base-features 16 --batch-size 2 --epochs 8 --iterations-per-epoch 100",
  );
}
