import { type Fold, importForeign } from "@nnunet/pipeline";
import type { Command } from "commander";
import { describeImported } from "../describe/describe-foreign.ts";
import { sharedOption } from "../options/shared-options.ts";
import type { Ending } from "../ending.ts";
import { useIt } from "../next-hint.ts";
import { type CommonFlags, withCommonOptions, withExample } from "../options/options.ts";
import { runCommand } from "../session.ts";

interface Flags extends CommonFlags {
  readonly output: string;
  readonly folds?: Fold[];
  readonly configurations?: string;
  readonly checkpoint?: string;
  readonly asPlanned?: boolean;
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
    .addOption(
      sharedOption("output", {
        description: "FILE.onnx that averages all folds, or a new folder with one per fold",
      }).default("model.onnx"),
    )
    .addOption(
      sharedOption("folds", {
        several: true,
        description: "the folds to import (default: those of the cross-validation)",
      }),
    )
    .addOption(
      sharedOption("configurations", { description: "of a folder or zip with several models: the one that is meant" }),
    )
    .option("--checkpoint <name>", "file in each fold's folder (default: checkpoint_final.pth)")
    .option(
      "--as-planned",
      "take a trainer that is none of nnU-Net's own to build the network of its plans, as one that changes the training alone does",
    )
    .addOption(sharedOption("overwrite", { description: "replace the file if it exists" }))
    .action(async (model: string, flags: Flags) => {
      ending.code = await runCommand(flags, async ({ onEvent, print }) => {
        const { folds, configurations: configuration, checkpoint, asPlanned, overwrite, output } = flags;
        const { metadata, written } = await importForeign(model, output, {
          folds,
          configuration,
          checkpoint,
          asPlanned,
          overwrite,
          onEvent,
        });
        print(...describeImported(metadata), ...written);
        if (written.length === 2 && written[0] === output)
          print("Both networks of the cascade; keep the two files beside each other.");
        print(useIt(output));
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
