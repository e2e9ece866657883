import { InvalidArgumentError } from "@nnunet/core";
import type { Fold } from "@nnunet/pipeline";
import type { Command } from "commander";
import { describeTest, testToJson } from "../describe/describe-run.ts";
import { sharedOption } from "../options/shared-options.ts";
import type { Ending } from "../ending.ts";
import { datasetArgument, datasetDescription, openNamedDataset, pipelineOf } from "../options/dataset-argument.ts";
import { type CommonFlags, deviceOption, memoryOption, withStageOptions, withExample } from "../options/options.ts";
import { runCommand } from "../session.ts";

interface Flags extends CommonFlags {
  readonly configurations?: string;
  readonly folds?: Fold[];
  readonly plans?: string;
  readonly device?: "cpu" | "webgpu" | "cuda";
  readonly maxMemory?: number;
}

export function testCommand(program: Command, ending: Ending): void {
  const command = program
    .command("test")
    .description(
      "segment the images of imagesTs by the final predictor, or some folds, and score them where labelsTs is there",
    )
    .argument(datasetArgument, datasetDescription)
    .addOption(
      sharedOption("configurations", { description: "a configuration of the plan, instead of the final predictor" }),
    )
    .addOption(sharedOption("folds", { several: true, description: "with -c: its trained folds, whose mean is taken" }))
    .addOption(sharedOption("plans"))
    .addOption(memoryOption())
    .addOption(deviceOption())
    .action(async (name: string, flags: Flags) => {
      ending.code = await runCommand(flags, async ({ signal, onEvent, print }) => {
        const pipeline = await pipelineOf(flags, { onEvent });
        const dataset = await openNamedDataset(pipeline, name);
        const { plansName } = await pipeline.loadPlans(dataset, flags.plans);
        const { configurations: configuration, folds } = flags;
        if ((configuration === undefined) !== (folds === undefined)) {
          throw new InvalidArgumentError("--folds", "-c and -f together, or neither for the final predictor", "one");
        }
        const tested = configuration && folds ? { plansName, configuration, folds } : { plansName };
        const options = { device: flags.device, maxMemoryGb: flags.maxMemory, signal, onEvent };
        const result = await pipeline.test(dataset, tested, options);
        print(...describeTest(result, dataset.json));
        return { value: testToJson(result) };
      });
    });
  withExample(withStageOptions(command), "nnunet test 4", "nnunet test 4 -c 3d_fullres -f 0 1 2 3 4");
}
