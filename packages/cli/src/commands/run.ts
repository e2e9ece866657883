import type { Fold } from "@nnunet/pipeline";
import type { Command } from "commander";
import { datasetArgument, datasetDescription, pipelineOf } from "../options/dataset-argument.ts";
import { describeRun, runToJson } from "../describe/describe-run.ts";
import {
  type CommonFlags,
  foldList,
  positiveNumber,
  type TrainFlags,
  withCommonOptions,
  withExample,
  withTrainOptions,
} from "../options/options.ts";
import type { Ending } from "../ending.ts";
import { runCommand } from "../session.ts";
import { trainOptionsOf } from "../options/train-options.ts";

interface Flags extends CommonFlags, TrainFlags {
  readonly configuration?: string[];
  readonly fold?: Fold[];
  readonly planner?: string;
  readonly gpuMemory?: number;
  readonly plans?: string;
}

export function runEverythingCommand(program: Command, ending: Ending): void {
  const command = program
    .command("run")
    .description(
      "everything in order: convert, verify, fingerprint, plan, preprocess, train, export, predict, evaluate; what is done is skipped",
    )
    .argument(datasetArgument, `${datasetDescription}; a Decathlon or nnU-Net v1 folder is converted first`)
    .option("-c, --configuration <name...>", "configurations (default: 3d_fullres, or 2d where the plan has no other)")
    .option("-f, --fold <fold...>", "folds (default: 0 1 2 3 4)", foldList)
    .option("--planner <name>", "rule set: paper (default), v2, resenc-m, resenc-l, resenc-xl")
    .option(
      "--gpu-memory <GB>",
      "memory of the GPU to plan for (default: the rule set's, 11 for paper)",
      positiveNumber,
    )
    .option("--plans <name>", "name of a plan that is there, of nnU-Net v2 say, instead of planning")
    .action(async (name: string, flags: Flags) => {
      ending.code = await runCommand(flags, async (session) => {
        const result = await pipelineOf(flags).run(name, {
          ...trainOptionsOf(flags, session),
          configurations: flags.configuration,
          folds: flags.fold,
          plansName: flags.plans,
          planner: {
            ...(flags.planner === undefined ? {} : { ruleSet: flags.planner }),
            ...(flags.gpuMemory === undefined ? {} : { gpuMemoryGb: flags.gpuMemory }),
          },
        });
        session.print(...describeRun(result));
        return { value: runToJson(result) };
      });
    });
  withExample(
    withCommonOptions(withTrainOptions(command)),
    "nnunet run 4 -c 3d_fullres -f 0 --base-features 16 --batch-size 2 --epochs 8 --iterations-per-epoch 100",
  );
}
