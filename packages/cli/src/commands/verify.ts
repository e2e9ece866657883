import { findDatasetFolder, type VerificationReport, verifyDataset } from "@nnunet/io";
import type { Command } from "commander";
import { datasetArgument, datasetDescription, pipelineOf } from "../dataset-argument.ts";
import { exitCodes } from "../exit-codes.ts";
import { type CommonFlags, withCommonOptions, withExample } from "../options.ts";
import type { Ending } from "../program.ts";
import { runCommand } from "../session.ts";
import { textTable } from "../text-table.ts";

export function verifyCommand(program: Command, ending: Ending): void {
  const command = program
    .command("verify")
    .description("read every file of a dataset and list every problem with its fix; exit code 1 if anything is wrong")
    .argument(datasetArgument, datasetDescription)
    .action(async (name: string, flags: CommonFlags) => {
      ending.code = await runCommand(flags, async ({ signal, onEvent, print }) => {
        const folder = await findDatasetFolder(pipelineOf(flags).folders.raw, name);
        const report = await verifyDataset(folder, { signal, onEvent });
        print(describeReport(report));
        return { value: report, exitCode: report.ok ? exitCodes.ok : exitCodes.problemFound };
      });
    });
  withExample(withCommonOptions(command), "nnunet verify 4", "nnunet verify 4 --json > problems.json");
}

/** The integrity table, errors and warnings in the order they were found, and one line that sums up. */
export function describeReport({
  problems,
  trainingCases,
  testCases,
  filesRead,
  folder,
  ok,
}: VerificationReport): string {
  const counted = `${trainingCases} training cases, ${testCases} test cases, ${filesRead} files read`;
  if (problems.length === 0) return `${folder} is in order: ${counted}`;
  const table = textTable(
    ["", "case", "file", "problem", "what to do"],
    problems.map((p) => [p.severity, p.case, p.file, p.problem, p.fix]),
  );
  const errors = problems.filter((p) => p.severity === "error").length;
  const verdict = ok ? "fit for training" : "not fit for training";
  return `${table}\n\n${folder} is ${verdict}: ${errors} errors, ${problems.length - errors} warnings; ${counted}`;
}
