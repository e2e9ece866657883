import { InvalidArgumentError, modelDatasetFromJson } from "@nnunet/core";
import { readJson } from "@nnunet/core/node";
import type { Command } from "commander";
import { defaultPipelineOf } from "../options/dataset-argument.ts";
import { type CommonFlags, withCommonOptions, withExample } from "../options/options.ts";
import { sharedOption } from "../options/shared-options.ts";
import type { Ending } from "../ending.ts";
import { runCommand } from "../session.ts";

interface Flags extends CommonFlags {
  readonly output: string;
  readonly datasetJson?: string;
  readonly groupBy?: string;
  readonly probabilities?: boolean;
  readonly overwrite?: boolean;
}

export function ensembleCommand(program: Command, ending: Ending): void {
  const command = program
    .command("ensemble")
    .description("average stored probabilities of several folders, and decide by classes or regions")
    .argument(
      "<folders...>",
      "folders that predict wrote with --probabilities or --save-probabilities, fold_0/validation, or nnU-Net v2's (.npz)",
    )
    .addOption(
      sharedOption("output", { value: "folder", description: "gets one segmentation per case" }).makeOptionMandatory(),
    )
    .addOption(
      sharedOption("datasetJson", {
        description: "says what the channels mean (default: dataset.json in the first folder or above it)",
      }),
    )
    .addOption(
      sharedOption("groupBy", {
        value: "pattern",
        description:
          "average all cases that agree in the group of this regular expression: several images of one patient",
      }),
    )
    .addOption(sharedOption("probabilities", { description: "keep the mean, compressed, in OUTPUT/probabilities" }))
    .addOption(sharedOption("overwrite", { description: "replace segmentations that exist" }))
    .action(async (folders: string[], flags: Flags) => {
      ending.code = await runCommand(flags, async ({ signal, onEvent, print }) => {
        if (folders.length < 2 && flags.groupBy === undefined) {
          throw new InvalidArgumentError("folders", "at least two folders, or --group-by", folders);
        }
        if (new Set(folders).size < folders.length) {
          throw new InvalidArgumentError("folders", "every folder once", folders);
        }
        const { datasetJson, groupBy, probabilities, overwrite } = flags;
        const dataset =
          datasetJson === undefined ? undefined : modelDatasetFromJson(await readJson(datasetJson), datasetJson);
        const options = { dataset, groupBy, probabilities, overwrite, signal, onEvent };
        const written = await defaultPipelineOf(flags).ensemble(folders, flags.output, options);
        print(...written);
        return { value: { written } };
      });
    });
  withExample(
    withCommonOptions(command),
    "nnunet ensemble out_2d out_3d -o out",
    "nnunet ensemble out_2d out_3d -o out --group-by '^(patient\\d+)_'",
  );
}
