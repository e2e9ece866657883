import { printable } from "@nnunet/core";
import { Command } from "commander";
import { compareCommand } from "./commands/compare.ts";
import { convertCommand } from "./commands/convert.ts";
import { demoCommand } from "./commands/demo.ts";
import { ensembleCommand } from "./commands/ensemble.ts";
import { evaluateCommand } from "./commands/evaluate.ts";
import { exportCommand } from "./commands/export.ts";
import { findBestCommand } from "./commands/find-best.ts";
import { fingerprintCommand } from "./commands/fingerprint.ts";
import { importCommand } from "./commands/import.ts";
import { infoCommand } from "./commands/info.ts";
import { planCommand } from "./commands/plan.ts";
import { postprocessCommand } from "./commands/postprocess.ts";
import { predictCommand } from "./commands/predict.ts";
import { preprocessCommand } from "./commands/preprocess.ts";
import { runEverythingCommand } from "./commands/run.ts";
import { splitCommand } from "./commands/split.ts";
import { statusCommand } from "./commands/status.ts";
import { testCommand } from "./commands/test.ts";
import { trainCommand } from "./commands/train.ts";
import { verifyCommand } from "./commands/verify.ts";
import { reportCommand } from "./commands/report.ts";
import { refuseEmptyArguments } from "./options/empty-arguments.ts";
import { acceptFormerNames } from "./options/shared-options.ts";
import type { Ending } from "./ending.ts";
import { exitCodeHelp } from "./exit-codes.ts";
import { sayLines } from "./shell/say.ts";
import { shell } from "./shell/shell.ts";
import { softwareVersion } from "@nnunet/pipeline";

/**
 * The whole command line. Nothing runs before `parseAsync`.
 *
 * @param json - print nothing of a wrong command line: the caller has a document for it
 */
export function createProgram(ending: Ending, json = false): Command {
  const program = new Command("nnunet")
    .description("nnU-Net without Python: from labelled images to a trained ONNX model, segmentations and Dice scores")
    .version(softwareVersion)
    .exitOverride()
    .showHelpAfterError("(nnunet --help lists the commands, nnunet <command> --help their options)")
    .showSuggestionAfterError();
  // Before the commands are added: they take it over.
  const { result, progress } = shell();
  const say = (write: (text: string) => void) => (text: string) => sayLines(write, text.trimEnd().split("\n"));
  // An error quotes what was typed: a line break in it is no line of ours.
  const outputError = (text: string, write: (text: string) => void) => {
    const [error, suggestion] = text.trimEnd().split(/\n(?=\(Did you mean )/);
    write(`${printable(error!)}${suggestion === undefined ? "" : `\n${printable(suggestion)}`}\n`);
  };
  program.configureOutput({ writeOut: say(result), writeErr: json ? () => {} : say(progress), outputError });
  const commands = [
    convertCommand,
    verifyCommand,
    fingerprintCommand,
    planCommand,
    splitCommand,
    preprocessCommand,
    trainCommand,
    predictCommand,
    ensembleCommand,
    postprocessCommand,
    evaluateCommand,
    findBestCommand,
    compareCommand,
    exportCommand,
    importCommand,
    testCommand,
    reportCommand,
    runEverythingCommand,
    statusCommand,
    demoCommand,
    infoCommand,
  ];
  for (const add of commands) add(program, ending);
  for (const command of program.commands) acceptFormerNames(command);
  refuseEmptyArguments(program);
  program.addHelpText(
    "after",
    `
Folders:
  nnUNet_raw, nnUNet_preprocessed, nnUNet_results name the three folders as in nnU-Net; --raw, --preprocessed and
  --results win over them; without either, folders of these names in the working directory are used.

${exitCodeHelp}

Example:
  $ nnunet convert Task04_Hippocampus
  $ nnunet run 4 -c 3d_fullres -f 0 --base-features 16 --batch-size 2 --epochs 8 --iterations-per-epoch 100`,
  );
  return program;
}
