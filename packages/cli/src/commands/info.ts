import { imageFormats } from "@nnunet/io";
import type { Command } from "commander";
import { describeArtefact } from "../describe/describe-artefact.ts";
import { type CommonFlags, withCommonOptions, withExample } from "../options/options.ts";
import type { Ending } from "../ending.ts";
import { runCommand } from "../session.ts";
import { textTable } from "../describe/text-table.ts";

export function infoCommand(program: Command, ending: Ending): void {
  const command = program
    .command("info")
    .description(
      "say in words what a file or folder is: image, dataset, fingerprint, plan, checkpoint, model, scores, …",
    )
    .argument("[artefact...]", "any file or folder that nnunet reads or writes")
    .option("--formats", "list the formats of images, who reads them and whether they are written")
    .action(async (paths: string[], flags: CommonFlags & { readonly formats?: boolean }) => {
      if (paths.length === 0 && !flags.formats) command.error("error: missing required argument 'artefact'");
      ending.code = await runCommand(flags, async ({ print }) => {
        if (flags.formats) print(...formatTable());
        const described = [];
        for (const path of paths) {
          const { lines, ...rest } = await describeArtefact(path, flags);
          print(...lines);
          described.push({ path, ...rest, text: lines.join("\n") });
        }
        return { value: flags.formats ? { formats: formatRows(), described } : described };
      });
    });
  withExample(withCommonOptions(command), "nnunet info model.onnx", "nnunet info nnUNet_raw/Dataset004_Hippocampus");
}

/** One row for each format of images: its endings, whose code reads it, whether and by whom it is written. */
function formatRows() {
  return imageFormats.map(({ name, endings, partnerEndings = [], isSeries, readBy, write, slices, place }) => ({
    format: name,
    endings: [...endings, ...partnerEndings],
    is_series: isSeries ?? false,
    read_by: readBy,
    written: write !== undefined,
    slices,
    place,
  }));
}

function formatTable(): string[] {
  const rows = formatRows().map(({ format, endings, is_series, read_by, written, slices, place }) => [
    format,
    `${endings.join(" ")}${is_series ? ", or a folder" : ""}`,
    written ? (slices === "one" ? "one slice" : "yes") : "no",
    { geometry: "yes", spacing: "spacing, in a JSON file beside", none: "no" }[place],
    read_by,
  ]);
  return textTable(["format", "endings", "written", "says its place", "read by"], rows);
}
