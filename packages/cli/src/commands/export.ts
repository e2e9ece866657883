import { FileError, InvalidArgumentError } from "@nnunet/core";
import { exportedFiles, type Fold } from "@nnunet/pipeline";
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
    .description(
      "write trained folds as one model.onnx that carries its plans and labels (a cascade: one for each network)",
    )
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
        const pipeline = pipelineOf(flags);
        const dataset = await openNamedDataset(pipeline, name);
        const folder = await pipeline.modelFolder(dataset, configuration, flags.plans);
        for (const file of await exportedFiles(folder, configuration, flags.output)) {
          if (!existsSync(file) || flags.overwrite) continue;
          throw new FileError(file, "exists already; add --overwrite to replace it, or choose another name");
        }
        const written = await pipeline.exportModel(folder, configuration, flags.fold, flags.output);
        print(...written);
        if (written.length > 1) print("Both networks of the cascade; keep the two files beside each other.");
        print(nextHint(["predict", "-i", "IMAGES", "-o", "SEGMENTATIONS", "-m", flags.output], flags));
        return { value: { output: flags.output, files: written, folds: flags.fold } };
      });
    });
  withExample(withCommonOptions(command), "nnunet export 4 3d_fullres -f 0 1 2 3 4 -o hippocampus.onnx");
}
