import { basename, dirname } from "node:path";
import { counted, FileError, InvalidArgumentError } from "@nnunet/core";
import { exists, writeFileAtomic } from "@nnunet/core/node";
import { drawRankings, fewestToCompare, type Ranking } from "@nnunet/evaluate";
import { type Comparison, compareVariants, TRAINER_NAME } from "@nnunet/pipeline";
import type { Command } from "commander";
import { textTable } from "../describe/text-table.ts";
import type { Ending } from "../ending.ts";
import { type CommonFlags, withCommonOptions, withExample } from "../options/options.ts";
import { sharedOption } from "../options/shared-options.ts";
import { runCommand } from "../session.ts";

interface Flags extends CommonFlags {
  readonly configurations?: readonly string[];
  readonly strict?: boolean;
  readonly draw?: string;
  readonly overwrite?: boolean;
}

export function compareCommand(program: Command, ending: Ending): void {
  const command = program
    .command("compare")
    .description(
      "rank the cross-validations of several variants on 1,000 virtual validation sets, per dataset and over all",
    )
    .argument("<variants...>", "folders of results, or model folders; NAME=FOLDER gives one a name")
    .addOption(
      sharedOption("configurations", { several: true, description: "which, where a folder of results holds several" }),
    )
    .option("--strict", "refuse variants that were not validated on the same cases")
    .addOption(sharedOption("draw", { value: "file", description: "also write the ranks as a drawing (SVG)" }))
    .addOption(sharedOption("overwrite", { description: "replace the drawing that is there" }))
    .action(async (variants: string[], flags: Flags) => {
      ending.code = await runCommand(flags, async ({ signal, onEvent, print }) => {
        const { draw, configurations, strict, overwrite } = flags;
        if (draw !== undefined && !overwrite && (await exists(draw))) {
          throw new FileError(draw, "exists already; --overwrite replaces it");
        }
        const compared = await compareVariants(named(variants), { configurations, strict, signal, onEvent });
        const rankings = rankingsOf(compared);
        if (draw !== undefined) await writeFileAtomic(draw, drawRankings(rankings));
        for (const [name, ranking] of Object.entries(rankings)) print("", ...rankingLines(name, ranking));
        if (draw !== undefined) print("", draw);
        return { value: compared };
      });
    });
  withExample(
    withCommonOptions(command),
    "nnunet compare ours=nnUNet_results adam=results_adam --draw ranks.svg",
    "nnunet compare nnUNet_results/Dataset004_Hippocampus/nnUNetTrainer__*__3d_fullres",
  );
}

const rankingsOf = ({ datasets, overall }: Comparison): Record<string, Ranking> => ({
  ...datasets,
  ...(overall && { "all datasets": overall }),
});

/** "adam=results_adam", or a folder that is called by what tells it from the others. */
function named(given: readonly string[]): Record<string, string> {
  const variants = new Map<string, string>();
  for (const text of given) {
    const at = text.indexOf("=");
    const [name, folder] = at > 0 ? [text.slice(0, at), text.slice(at + 1)] : [nameOf(text, given), text];
    if (folder === "") throw new InvalidArgumentError("variants", "NAME=FOLDER, or a folder", text);
    if (variants.has(name)) {
      throw new InvalidArgumentError("variants", "every variant under a name of its own: NAME=FOLDER", text);
    }
    variants.set(name, folder);
  }
  return Object.fromEntries(variants);
}

/** The shortest of a folder's names that is its own among all. */
function nameOf(folder: string, all: readonly string[]): string {
  const isOwn = (of: (path: string) => string) => all.filter((other) => of(other) === of(folder)).length === 1;
  const of = [planned, basename].find(isOwn) ?? ((path) => `${basename(dirname(path))}/${basename(path)}`);
  return of(folder);
}

/** "adam" of `nnUNetTrainer__nnUNetPaperPlans_adam__2d`, the plan's name where that is no variant. */
function planned(folder: string): string {
  const [trainer, plans, configuration] = basename(folder).split("__");
  return trainer !== TRAINER_NAME || configuration === undefined ? basename(folder) : plans!.replace(/^.*Plans_/, "");
}

function rankingLines(name: string, { variants, cases, independentCases }: Ranking): string[] {
  const percent = (share: number) => `${Math.round(100 * share)} %`;
  const groups = independentCases < cases ? ` in ${counted(independentCases, "group")}` : "";
  const few = independentCases < fewestToCompare ? `; too few ${groups ? "groups" : "cases"} to tell anything` : "";
  return [
    `${name}, ${counted(cases, "case")}${groups}, 1,000 virtual validation sets${few}:`,
    ...textTable(
      ["variant", "mean Dice", "mean rank", "best in", "ranks 1, 2, … in"],
      variants.map(({ variant, mean, meanRank, ranks }) => [
        variant,
        mean.toFixed(4),
        meanRank.toFixed(2),
        percent(ranks[0]!),
        ranks.map(percent).join(" "),
      ]),
    ),
  ];
}
