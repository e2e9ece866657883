import type { Command } from "commander";
import { describeArtefact } from "../describe-artefact.ts";
import { type CommonFlags, withCommonOptions, withExample } from "../options.ts";
import type { Ending } from "../ending.ts";
import { runCommand } from "../session.ts";

export function infoCommand(program: Command, ending: Ending): void {
  const command = program
    .command("info")
    .description(
      "say in words what a file or folder is: image, dataset, fingerprint, plan, checkpoint, model, scores, …",
    )
    .argument("<artefact...>", "any file or folder that nnunet reads or writes")
    .action(async (paths: string[], flags: CommonFlags) => {
      ending.code = await runCommand(flags, async ({ print }) => {
        const described = [];
        for (const path of paths) {
          const { lines, ...rest } = await describeArtefact(path, flags);
          print(...lines);
          described.push({ path, ...rest, text: lines.join("\n") });
        }
        return { value: described };
      });
    });
  withExample(withCommonOptions(command), "nnunet info model.onnx", "nnunet info nnUNet_raw/Dataset004_Hippocampus");
}
