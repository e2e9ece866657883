import type { Fold } from "@nnunet/pipeline";
import type { Command } from "commander";
import { describeTest, testToJson } from "../describe/describe-run.ts";
import type { Ending } from "../ending.ts";
import { datasetArgument, datasetDescription, openNamedDataset, pipelineOf } from "../options/dataset-argument.ts";
import {
  type CommonFlags,
  deviceOption,
  foldList,
  memoryOption,
  withCommonOptions,
  withExample,
} from "../options/options.ts";
import { runCommand } from "../session.ts";

interface Flags extends CommonFlags {
  readonly configuration: string;
  readonly folds: Fold[];
  readonly plans?: string;
  readonly device?: "cpu" | "webgpu" | "cuda";
  readonly maxMemory?: number;
}

export function testCommand(program: Command, ending: Ending): void {
  const command = program
    .command("test")
    .description("segment the images of imagesTs by a trained configuration, and score them where labelsTs is there")
    .argument(datasetArgument, datasetDescription)
    .requiredOption("-c, --configuration <name>", "configuration of the plan: 2d, 3d_fullres, …")
    .requiredOption("-f, --folds <fold...>", "trained folds, whose mean is taken", foldList)
    .option("--plans <name>", "name of the plan (default: the only one)")
    .addOption(memoryOption())
    .addOption(deviceOption())
    .action(async (name: string, flags: Flags) => {
      ending.code = await runCommand(flags, async ({ signal, onEvent, print }) => {
        const pipeline = pipelineOf(flags);
        const dataset = await openNamedDataset(pipeline, name);
        const { plansName } = await pipeline.loadPlans(dataset, flags.plans);
        const tested = { plansName, configuration: flags.configuration, folds: flags.folds };
        const options = { device: flags.device, maxMemoryGb: flags.maxMemory, signal, onEvent };
        const result = await pipeline.test(dataset, tested, options);
        print(...describeTest(result, dataset.json));
        return { value: testToJson(result) };
      });
    });
  withExample(withCommonOptions(command), "nnunet test 4 -c 3d_fullres -f 0 1 2 3 4");
}
