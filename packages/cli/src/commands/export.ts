import { FileError, InvalidArgumentError } from "@nnunet/core";
import { exportedFiles, exportForV2, type Fold } from "@nnunet/pipeline";
import { existsSync } from "node:fs";
import { type Command, Option } from "commander";
import {
  datasetArgument,
  datasetDescription,
  openNamedDataset,
  defaultPipelineOf,
} from "../options/dataset-argument.ts";
import { nextHint } from "../next-hint.ts";
import { type CommonFlags, withCommonOptions, withExample } from "../options/options.ts";
import { sharedOption } from "../options/shared-options.ts";
import type { Ending } from "../ending.ts";
import { type Outcome, runCommand, type Session } from "../session.ts";

interface Flags extends CommonFlags {
  readonly folds: Fold[];
  readonly output: string;
  readonly plans?: string;
  readonly overwrite?: boolean;
  readonly format: "onnx" | "nnunet-v2";
  readonly validation?: boolean;
}

export function exportCommand(program: Command, ending: Ending): void {
  const command = program
    .command("export")
    .description(
      "write trained folds as one model.onnx that carries its plans and labels (a cascade: one for each network)",
    )
    .argument(datasetArgument, datasetDescription)
    .argument("<configuration>", "2d, 3d_fullres, …")
    .addOption(
      sharedOption("folds", {
        several: true,
        description: "trained folds; several become one network that averages them",
      }).makeOptionMandatory(),
    )
    .addOption(
      sharedOption("output", {
        description: "FILE.onnx, or for --format nnunet-v2 a new folder",
      }).makeOptionMandatory(),
    )
    .addOption(sharedOption("plans"))
    .addOption(sharedOption("overwrite", { description: "replace the file if it exists" }))
    .addOption(
      new Option("--format <name>", "onnx, or a model folder that Python nnU-Net v2 predicts with")
        .choices(["onnx", "nnunet-v2"])
        .default("onnx"),
    )
    .option(
      "--validation",
      "with --format nnunet-v2: also the validation cases, for nnUNetv2_find_best_configuration; trained with --probabilities, with these",
    )
    .action(async (name: string, configuration: string, flags: Flags) => {
      ending.code = await runCommand(flags, async ({ print }) => {
        if (flags.validation && flags.format !== "nnunet-v2")
          throw new InvalidArgumentError("--validation", "--format nnunet-v2 beside it", flags.format);
        if (flags.format === "nnunet-v2") return exportFolder(name, configuration, flags, print);
        if (!flags.output.endsWith(".onnx"))
          throw new InvalidArgumentError("--output", "a name ending in .onnx", flags.output);
        const pipeline = defaultPipelineOf(flags);
        const dataset = await openNamedDataset(pipeline, name);
        const folder = await pipeline.modelFolder(dataset, configuration, flags.plans);
        for (const file of await exportedFiles(folder, configuration, flags.output)) {
          if (!existsSync(file) || flags.overwrite) continue;
          throw new FileError(file, "exists already; add --overwrite to replace it, or choose another name");
        }
        const written = await pipeline.exportModel(folder, configuration, flags.folds, flags.output);
        print(...written);
        if (written.length > 1) print("Both networks of the cascade; keep the two files beside each other.");
        print(nextHint(["predict", "-i", "IMAGES", "-o", "SEGMENTATIONS", "-m", flags.output], flags));
        return { value: { output: flags.output, files: written, folds: flags.folds } };
      });
    });
  withExample(
    withCommonOptions(command),
    "nnunet export 4 3d_fullres -f 0 1 2 3 4 -o hippocampus.onnx",
    "nnunet export 4 3d_fullres -f 0 --format nnunet-v2 -o hippocampus",
  );
}

/** For Python nnU-Net: a folder with plans.json, dataset.json and a checkpoint per fold. */
async function exportFolder(
  name: string,
  configuration: string,
  flags: Flags,
  print: Session["print"],
): Promise<Outcome> {
  if (flags.output.endsWith(".onnx")) {
    throw new InvalidArgumentError("--output", "the name of a new folder, for --format nnunet-v2", flags.output);
  }
  const pipeline = defaultPipelineOf(flags);
  const dataset = await openNamedDataset(pipeline, name);
  const folder = await pipeline.modelFolder(dataset, configuration, flags.plans);
  const { validation } = flags;
  const written = await exportForV2(folder, configuration, flags.folds, flags.output, { validation });
  if (validation && !written.some((file) => file.endsWith(".npz"))) {
    print("Without probabilities, which ensembles of nnU-Net v2 need: train with --probabilities for them.");
  }
  const folds = flags.folds.join(" ");
  print(
    ...written,
    `Use it: nnUNetv2_predict_from_modelfolder -i IMAGES -o SEGMENTATIONS -m ${flags.output} -f ${folds}`,
  );
  return { value: { output: flags.output, folds: flags.folds, written } };
}
