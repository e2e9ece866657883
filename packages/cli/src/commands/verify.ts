import { type FixedProblem, findDatasetFolder, fixDataset, type VerificationReport } from "@nnunet/io";
import { counted } from "@nnunet/core";
import type { Command } from "commander";
import { datasetArgument, datasetDescription, defaultPipelineOf } from "../options/dataset-argument.ts";
import { exitCodes } from "../exit-codes.ts";
import { type CommonFlags, withCommonOptions, withExample } from "../options/options.ts";
import type { Ending } from "../ending.ts";
import { runCommand } from "../session.ts";
import { textTable } from "../describe/text-table.ts";

interface Flags extends CommonFlags {
  readonly fix?: string;
  readonly record?: boolean;
}

export function verifyCommand(program: Command, ending: Ending): void {
  const command = program
    .command("verify")
    .description("read every file of a dataset and list every problem with its fix; exit code 1 if anything is wrong")
    .argument(datasetArgument, datasetDescription)
    .option(
      "--fix <folder>",
      "copy the dataset into a new folder with all put right that loses nothing, and verify that",
    )
    .option("--record", "note in the preprocessed folder that the dataset passed, so that run need not look again")
    .action(async (name: string, flags: Flags) => {
      ending.code = await runCommand(flags, async ({ signal, onEvent, print }) => {
        const pipeline = defaultPipelineOf(flags);
        const folder = await findDatasetFolder(pipeline.folders.raw, name);
        if (flags.fix !== undefined) {
          const { fixed, report } = await fixDataset(folder, flags.fix, { signal, onEvent });
          print(...describeFixed(fixed, report.folder), ...describeReport(report));
          return { value: { fixed, report }, exitCode: report.ok ? exitCodes.ok : exitCodes.problemFound };
        }
        const report = await pipeline.verify(folder, { record: flags.record, signal, onEvent });
        print(...describeReport(report));
        return { value: report, exitCode: report.ok ? exitCodes.ok : exitCodes.problemFound };
      });
    });
  withExample(
    withCommonOptions(command),
    "nnunet verify 4",
    "nnunet verify 4 --json > problems.json",
    "nnunet verify 4 --fix nnUNet_raw/Dataset014_Hippocampus",
  );
}

function describeFixed(fixed: readonly FixedProblem[], folder: string): string[] {
  if (fixed.length === 0) return ["Nothing could be put right without losing something; no folder was made."];
  const rows = fixed.map(({ file, problem, done }) => [file, problem, done]);
  return [`Put right in ${folder}:`, ...textTable(["file", "problem", "what was done"], rows), ""];
}

/** The integrity table, errors and warnings in the order they were found, and one line that sums up. */
export function describeReport({
  problems,
  trainingCases,
  testCases,
  filesRead,
  folder,
  ok,
}: VerificationReport): string[] {
  const read = `${counted(trainingCases, "training case")}, ${counted(testCases, "test case")}, ${counted(filesRead, "file")} read`;
  // Not a problem of the data, but what a run over all folds would be stopped by.
  const few =
    trainingCases > 0 && trainingCases < 5
      ? ['the five folds of a cross-validation need 5 training cases; with fewer, only fold "all" can be trained']
      : [];
  if (problems.length === 0) return [`${folder} is in order: ${read}`, ...few];
  const table = textTable(
    ["", "case", "file", "problem", "what to do"],
    problems.map((p) => [p.severity, p.case, p.file, p.problem, p.fix]),
  );
  const errors = problems.filter((p) => p.severity === "error").length;
  const verdict = ok ? "fit for training" : "not fit for training";
  const found = `${counted(errors, "error")}, ${counted(problems.length - errors, "warning")}`;
  return [...table, "", `${folder} is ${verdict}: ${found}; ${read}`, ...few];
}
