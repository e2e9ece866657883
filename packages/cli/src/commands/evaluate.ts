import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { InvalidArgumentError, type ModelDataset, modelDatasetFromJson } from "@nnunet/core";
import { readJson } from "@nnunet/core/node";
import { summaryToJson } from "@nnunet/evaluate";
import { labelsFound, pairFolders } from "@nnunet/pipeline";
import type { Command } from "commander";
import { pipelineOf } from "../options/dataset-argument.ts";
import { diceTable } from "../describe/dice-table.ts";
import {
  type CommonFlags,
  notNegative,
  type WorkerFlags,
  withStageOptions,
  withExample,
  withWorkerOptions,
} from "../options/options.ts";
import { sharedOption } from "../options/shared-options.ts";
import type { Ending } from "../ending.ts";
import { runCommand } from "../session.ts";

interface Flags extends CommonFlags, WorkerFlags {
  readonly output?: string;
  readonly datasetJson?: string;
  readonly partial?: boolean;
  readonly surface?: boolean;
  readonly tolerance?: number;
  readonly overwrite?: boolean;
}

export function evaluateCommand(program: Command, ending: Ending): void {
  const command = program
    .command("evaluate")
    .description("compare segmentations with references: Dice per label and case, with intervals; distances on request")
    .argument("<reference>", "folder of reference segmentations")
    .argument("<prediction>", "folder of predicted segmentations of the same names")
    .addOption(sharedOption("output", { value: "file", description: "write summary.json here" }))
    .addOption(
      sharedOption("datasetJson", {
        description:
          "says what the labels are (default: dataset.json in the prediction folder, the reference folder or above it; without one, the labels found in the references)",
      }),
    )
    .option("--surface", "compare surfaces and volumes too: HD95, ASSD, NSD, volume error")
    .option("--tolerance <mm>", "how far apart surfaces may lie for the NSD of --surface (default: 1)", notNegative)
    .option("--partial", "leave out references that have no prediction, instead of refusing")
    .addOption(sharedOption("overwrite", { description: "replace the file of --output if it exists" }))
    .action(async (reference: string, prediction: string, flags: Flags) => {
      ending.code = await runCommand(flags, async ({ signal, onEvent, print }) => {
        if (flags.tolerance !== undefined && !flags.surface) {
          throw new InvalidArgumentError("--tolerance", "--surface beside it, which it belongs to", flags.tolerance);
        }
        const pairs = await pairFolders(reference, prediction, { partial: flags.partial ?? false });
        const dataset = await labelsOf(reference, prediction, flags.datasetJson, () =>
          labelsFound(pairs.map((pair) => pair.reference)),
        );
        const summary = await (await pipelineOf(flags, { onEvent })).evaluate(pairs, dataset, flags.output, {
          overwrite: flags.overwrite,
          surfaceToleranceMm: flags.surface ? (flags.tolerance ?? 1) : undefined,
          workers: flags.workers,
          maxMemoryGb: flags.maxMemory,
          signal,
          onEvent,
        });
        print(...diceTable(summary, dataset));
        if (flags.output) print(flags.output);
        return { value: summaryToJson(summary) };
      });
    });
  withExample(
    withStageOptions(withWorkerOptions(command)),
    "nnunet evaluate nnUNet_raw/Dataset004_Hippocampus/labelsTs out -o summary.json",
  );
}

async function labelsOf(
  reference: string,
  prediction: string,
  given: string | undefined,
  otherwise: () => Promise<ModelDataset>,
): Promise<ModelDataset> {
  const places = [prediction, reference, dirname(reference)].map((folder) => join(folder, "dataset.json"));
  const path = given ?? places.find((place) => existsSync(place));
  return path === undefined ? otherwise() : modelDatasetFromJson(await readJson(path), path);
}
