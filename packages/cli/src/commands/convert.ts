import { convertDataset } from "@nnunet/io";
import type { Command } from "commander";
import { casesOf, defaultPipelineOf } from "../options/dataset-argument.ts";
import { nextHint } from "../next-hint.ts";
import { type CommonFlags, positiveInteger, withCommonOptions, withExample } from "../options/options.ts";
import type { Ending } from "../ending.ts";
import { runCommand } from "../session.ts";

interface Flags extends CommonFlags {
  readonly datasetId?: number;
}

export function convertCommand(program: Command, ending: Ending): void {
  const command = program
    .command("convert")
    .description(
      "make an nnU-Net v2 raw dataset of a Decathlon or nnU-Net v1 folder, or of a folder of pictures (images/, labels/)",
    )
    .argument("<source>", "folder such as Task04_Hippocampus")
    .option("--dataset-id <n>", "number of the new dataset (default: the one in the folder's name)", positiveInteger)
    .action(async (source: string, flags: Flags) => {
      ending.code = await runCommand(flags, async ({ signal, onEvent, print }) => {
        const { folders } = defaultPipelineOf(flags);
        const dataset = await convertDataset(source, folders.raw, { datasetId: flags.datasetId, signal, onEvent });
        print(`${dataset.folder}: ${casesOf(dataset)}`, nextHint(["verify", String(dataset.id)], flags));
        return {
          value: {
            folder: dataset.folder,
            id: dataset.id,
            name: dataset.name,
            trainingCases: dataset.trainingCases.length,
            testCases: dataset.testCases.length,
          },
        };
      });
    });
  withExample(withCommonOptions(command), "nnunet convert Task04_Hippocampus", "nnunet convert cells --dataset-id 27");
}
