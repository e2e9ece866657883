import { counted } from "@nnunet/core";
import type { Command } from "commander";
import { textTable } from "../describe/text-table.ts";
import { sharedOption } from "../options/shared-options.ts";
import type { Ending } from "../ending.ts";
import {
  datasetArgument,
  datasetDescription,
  openNamedDataset,
  defaultPipelineOf,
} from "../options/dataset-argument.ts";
import { groupsBy } from "../options/group-by.ts";
import { type CommonFlags, withCommonOptions, withExample } from "../options/options.ts";
import { runCommand } from "../session.ts";

interface Flags extends CommonFlags {
  readonly groupBy?: string;
  readonly seeds?: number;
}

export function splitCommand(program: Command, ending: Ending): void {
  const command = program
    .command("split")
    .description("divide the training cases into the folds of the cross-validation → splits_final.json")
    .argument(datasetArgument, datasetDescription)
    .addOption(sharedOption("groupBy"))
    .addOption(sharedOption("seeds"))
    .action(async (name: string, flags: Flags) => {
      ending.code = await runCommand(flags, async ({ signal, onEvent, print }) => {
        const pipeline = defaultPipelineOf(flags);
        const dataset = await openNamedDataset(pipeline, name);
        const groups = flags.groupBy === undefined ? undefined : await groupsBy(flags.groupBy, dataset);
        const { path, splits, made } = await pipeline.split(dataset, {
          groups,
          groupedBy: flags.groupBy,
          seeds: flags.seeds,
          signal,
          onEvent,
        });
        const rows = splits.map(({ train, val }, fold) => [String(fold), String(train.length), String(val.length)]);
        print(...textTable(["fold", "training cases", "validation cases"], rows), "");
        print(`${made ? "written" : "up to date"}: ${path}, ${counted(splits.length, "fold")}`);
        return { value: { path, made, splits } };
      });
    });
  withExample(
    withCommonOptions(command),
    "nnunet split 4",
    "nnunet split 27 --group-by '^(patient\\d+)_'",
    "nnunet split 27 --group-by patients.csv:patient",
  );
}
