import type { Command } from "commander";
import { describeJobs } from "../describe/describe-jobs.ts";
import type { Ending } from "../ending.ts";
import { datasetArgument, datasetDescription, openNamedDataset, pipelineOf } from "../options/dataset-argument.ts";
import { type CommonFlags, withStageOptions, withExample } from "../options/options.ts";
import { runCommand } from "../session.ts";

export function statusCommand(program: Command, ending: Ending): void {
  const command = program
    .command("status")
    .description("the jobs of the latest run of a dataset: done, running (by whom), failed (why), to do")
    .argument(datasetArgument, datasetDescription)
    .action(async (name: string, flags: CommonFlags) => {
      ending.code = await runCommand(flags, async ({ signal, onEvent, print }) => {
        const pipeline = await pipelineOf(flags, { onEvent });
        const status = await pipeline.status(await openNamedDataset(pipeline, name), { signal, onEvent });
        print(...describeJobs(status));
        return { value: status };
      });
    });
  withExample(withStageOptions(command), "nnunet status 4", "nnunet status 4 --json");
}
