import { counted, InvalidArgumentError } from "@nnunet/core";
import { type Fold, seedSpreads } from "@nnunet/pipeline";
import type { Command } from "commander";
import { datasetArgument, datasetDescription, openNamedDataset, pipelineOf } from "../options/dataset-argument.ts";
import { describeSeeds } from "../describe/describe-seeds.ts";
import { diceTable } from "../describe/dice-table.ts";
import { nextHint } from "../next-hint.ts";
import {
  type CommonFlags,
  fold,
  foldList,
  type TrainFlags,
  withStageOptions,
  withExample,
  withTrainOptions,
} from "../options/options.ts";
import { sharedOption } from "../options/shared-options.ts";
import type { Ending } from "../ending.ts";
import { runCommand } from "../session.ts";
import { trainOptionsOf } from "../options/train-options.ts";

interface Flags extends CommonFlags, TrainFlags {
  readonly plans?: string;
  readonly continue?: boolean;
  readonly overwrite?: boolean;
  readonly update?: boolean;
  readonly together?: Fold[];
}

export function trainCommand(program: Command, ending: Ending): void {
  const command = program
    .command("train")
    .description("train one fold, export it to model.onnx, and predict and score its validation cases")
    .argument(datasetArgument, datasetDescription)
    .argument("<configuration>", "one of the plan: 2d, 3d_fullres, …")
    .argument("<fold>", '0 to 4 of the cross-validation, or "all"', fold)
    .addOption(sharedOption("plans"))
    .addOption(sharedOption("continue", { description: "go on from the latest checkpoint" }))
    .addOption(sharedOption("overwrite", { description: "start again where this fold has been trained or begun" }))
    .option("--update", "as run does: keep or continue what would come out the same, and set aside anything else")
    .option(
      "--together <fold...>",
      "with --update: folds that are trained the same way, and set aside with it",
      foldList,
    )
    .action(async (name: string, configuration: string, foldName: Fold, flags: Flags) => {
      ending.code = await runCommand(flags, async (session) => {
        if (flags.continue && flags.overwrite) {
          throw new InvalidArgumentError("--continue", "one of --continue and --overwrite", "both");
        }
        if (flags.update && (flags.continue || flags.overwrite)) {
          throw new InvalidArgumentError("--update", "one of --update, --continue and --overwrite", "two of them");
        }
        const pipeline = await pipelineOf(flags, session);
        const dataset = await openNamedDataset(pipeline, name);
        const plans = await pipeline.loadPlans(dataset, flags.plans);
        const result = await pipeline.train(dataset, plans, configuration, foldName, {
          ...trainOptionsOf(flags, session),
          existing: flags.update ? "update" : flags.continue ? "continue" : flags.overwrite ? "overwrite" : "refuse",
          ...(flags.together && { together: flags.together }),
        });
        const scored =
          foldName === "all" ? "Fold all on the cases it was trained on" : `Validation of fold ${foldName}`;
        session.print(
          `${scored}, ${counted(result.validation.cases.length, "case")}:`,
          ...diceTable(result.validation, dataset.json),
          ...describeSeeds(await seedSpreads(pipeline, dataset, plans)),
          `Model: ${result.model}`,
          nextHint(["predict", "-i", "IMAGES", "-o", "SEGMENTATIONS", "-m", result.model], flags),
        );
        return { value: result };
      });
    });
  withExample(
    withStageOptions(withTrainOptions(command)),
    "nnunet train 4 3d_fullres 0",
    "nnunet train 4 3d_fullres 0 --base-features 16 --batch-size 2 --epochs 8 --iterations-per-epoch 100",
  );
}
