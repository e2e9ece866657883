import type { Command } from "commander";
import { pipelineOf } from "../options/dataset-argument.ts";
import { type CommonFlags, withStageOptions, withExample } from "../options/options.ts";
import { sharedOption } from "../options/shared-options.ts";
import type { Ending } from "../ending.ts";
import { runCommand } from "../session.ts";

interface Flags extends CommonFlags {
  readonly output: string;
  readonly postprocessing: string;
  readonly overwrite?: boolean;
}

export function postprocessCommand(program: Command, ending: Ending): void {
  const command = program
    .command("postprocess")
    .description("apply a postprocessing that find-best decided to segmentations; the input is left alone")
    .argument("<input>", "a segmentation, or a folder of them")
    .requiredOption("-p, --postprocessing <path>", "postprocessing.json, or the final predictor that has it")
    .addOption(
      sharedOption("output", { description: "a file for a file, a folder for a folder" }).makeOptionMandatory(),
    )
    .addOption(sharedOption("overwrite", { description: "replace results that exist" }))
    .action(async (input: string, flags: Flags) => {
      ending.code = await runCommand(flags, async ({ signal, onEvent, print }) => {
        const { output, postprocessing, overwrite } = flags;
        const options = { overwrite, signal, onEvent };
        const written = await (await pipelineOf(flags, { onEvent })).postprocess(
          input,
          output,
          postprocessing,
          options,
        );
        print(...written);
        return { value: { written } };
      });
    });
  withExample(
    withStageOptions(command),
    "nnunet postprocess out -p predictor/postprocessing.json -o out_postprocessed",
  );
}
