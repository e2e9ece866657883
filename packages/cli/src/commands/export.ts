import { FileError, InvalidArgumentError } from "@nnunet/core";
import type { Fold } from "@nnunet/pipeline";
import { existsSync } from "node:fs";
import type { Command } from "commander";
import { datasetArgument, datasetDescription, openNamedDataset, pipelineOf } from "../options/dataset-argument.ts";
import { nextHint } from "../next-hint.ts";
import { type CommonFlags, foldList, withCommonOptions, withExample } from "../options/options.ts";
import type { Ending } from "../ending.ts";
import { runCommand } from "../session.ts";

interface Flags extends CommonFlags {
  readonly fold: Fold[];
  readonly output: string;
  readonly plans?: string;
  readonly overwrite?: boolean;
}

export function exportCommand(program: Command, ending: Ending): void {
  const command = program
    .command("export")
    .description("write trained folds as one model.onnx that carries its plans and labels")
    .argument(datasetArgument, datasetDescription)
    .argument("<config>", "configuration: 2d, 3d_fullres, …")
    .requiredOption("-f, --fold <fold...>", "trained folds; several become one network that averages them", foldList)
    .requiredOption("-o, --output <file>", "FILE.onnx")
    .option("--plans <name>", "name of the plan (default: the only one)")
    .option("--overwrite", "replace the file if it exists")
    .action(async (name: string, configuration: string, flags: Flags) => {
      ending.code = await runCommand(flags, async ({ print }) => {
        if (!flags.output.endsWith(".onnx"))
          throw new InvalidArgumentError("--output", "a name ending in .onnx", flags.output);
        if (existsSync(flags.output) && !flags.overwrite) {
          throw new FileError(flags.output, "exists already; add --overwrite to replace it, or choose another name");
        }
        const pipeline = pipelineOf(flags);
        const dataset = await openNamedDataset(pipeline, name);
        await pipeline.exportModel(
          await pipeline.modelFolder(dataset, configuration, flags.plans),
          configuration,
          flags.fold,
          flags.output,
        );
        print(flags.output);
        print(nextHint(["predict", "-i", "IMAGES", "-o", "SEGMENTATIONS", "-m", flags.output], flags));
        return { value: { output: flags.output, folds: flags.fold } };
      });
    });
  withExample(withCommonOptions(command), "nnunet export 4 3d_fullres -f 0 1 2 3 4 -o hippocampus.onnx");
}
