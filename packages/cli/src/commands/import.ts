import { type Fold, importForeign } from "@nnunet/pipeline";
import type { Command } from "commander";
import { describeImported } from "../describe/describe-foreign.ts";
import type { Ending } from "../ending.ts";
import { useIt } from "../next-hint.ts";
import { type CommonFlags, foldList, withCommonOptions, withExample } from "../options/options.ts";
import { runCommand } from "../session.ts";

interface Flags extends CommonFlags {
  readonly output: string;
  readonly fold?: Fold[];
  readonly configuration?: string;
  readonly checkpoint?: string;
  readonly overwrite?: boolean;
}

export function importCommand(program: Command, ending: Ending): void {
  const command = program
    .command("import")
    .description("make a model.onnx of a model that Python nnU-Net trained; nothing in its files is executed")
    .argument(
      "<model>",
      "its folder (plans.json, dataset.json, fold_0/checkpoint_final.pth), the zip of it, or one checkpoint",
    )
    .option("-o, --output <path>", "FILE.onnx that averages all folds, or a new folder with one per fold", "model.onnx")
    .option("-f, --fold <fold...>", "the folds to import (default: those of the cross-validation)", foldList)
    .option("-c, --configuration <name>", "of a folder or zip with several models: the one that is meant")
    .option("--checkpoint <name>", "file in each fold's folder (default: checkpoint_final.pth)")
    .option("--overwrite", "replace the file if it exists")
    .action(async (model: string, flags: Flags) => {
      ending.code = await runCommand(flags, async ({ onEvent, print }) => {
        const { fold: folds, configuration, checkpoint, overwrite, output } = flags;
        const { metadata, written } = await importForeign(model, output, {
          folds,
          configuration,
          checkpoint,
          overwrite,
          onEvent,
        });
        print(...describeImported(metadata), ...written, useIt(output));
        return {
          value: { configuration: metadata.configuration, folds: metadata.folds, origin: metadata.origin, written },
        };
      });
    });
  withExample(
    withCommonOptions(command),
    "nnunet import nnUNetTrainer__nnUNetPlans__3d_fullres -o hippocampus.onnx",
    "nnunet import Dataset004.zip -c 3d_fullres -f 0 1 2 3 4 -o hippocampus",
  );
}
