import { type Fingerprint, fingerprintFromJson, fingerprintToJson, InvalidArgumentError } from "@nnunet/core";
import { readJson, writeFileAtomic } from "@nnunet/core/node";
import { compareFingerprints } from "@nnunet/fingerprint";
import type { Command } from "commander";
import { datasetDescription, openNamedDataset, pipelineOf } from "../options/dataset-argument.ts";
import { describeFingerprint } from "../describe/describe-fingerprint.ts";
import { nextHint } from "../next-hint.ts";
import {
  type CommonFlags,
  type WorkerFlags,
  withStageOptions,
  withExample,
  withWorkerOptions,
} from "../options/options.ts";
import { sharedOption } from "../options/shared-options.ts";
import type { Ending } from "../ending.ts";
import { runCommand } from "../session.ts";
import { uniqueNames } from "../describe/unique-names.ts";

interface Flags extends CommonFlags, WorkerFlags {
  readonly compare?: boolean;
  readonly draw?: string;
}

export function fingerprintCommand(program: Command, ending: Ending): void {
  const command = program
    .command("fingerprint")
    .description("measure a dataset: sizes, spacings, intensities, classes → dataset_fingerprint.json")
    .argument("<dataset...>", datasetDescription)
    .option("--compare", "show the fingerprints of several datasets (or dataset_fingerprint.json files) side by side")
    .addOption(
      sharedOption("draw", { value: "file", description: "with --compare: draw the z-scored properties, as SVG" }),
    )
    .action(async (names: string[], flags: Flags) => {
      ending.code = await runCommand(flags, async ({ signal, onEvent, print }) => {
        if (names.length > 1 && !flags.compare) {
          throw new InvalidArgumentError("dataset", "one dataset, or several with --compare", names);
        }
        const pipeline = await pipelineOf(flags, { onEvent });
        const options = { workers: flags.workers, maxMemoryGb: flags.maxMemory, signal, onEvent };
        const found: { readonly name: string; readonly fingerprint: Fingerprint }[] = [];
        let next: string[] = [];
        for (const name of names) {
          if (name.endsWith(".json")) {
            found.push({ name, fingerprint: fingerprintFromJson(await readJson(name), name) });
            continue;
          }
          const dataset = await openNamedDataset(pipeline, name);
          const { fingerprint, path } = await pipeline.fingerprint(dataset, options);
          found.push({ name: dataset.name, fingerprint });
          next = [path, nextHint(["plan", name], flags)];
        }
        const unique = uniqueNames(found.map(({ name }) => name));
        const shown = Object.fromEntries(found.map(({ fingerprint }, i) => [unique[i]!, fingerprint]));
        print(...describeFingerprint(shown));
        if (flags.draw) {
          await writeFileAtomic(flags.draw, compareFingerprints(shown).svg);
          print(flags.draw);
        }
        if (!flags.compare) print(...next);
        const json = Object.entries(shown).map(([name, f]) => [name, fingerprintToJson(f)] as const);
        return { value: flags.compare ? Object.fromEntries(json) : json[0]![1] };
      });
    });
  withExample(
    withStageOptions(withWorkerOptions(command)),
    "nnunet fingerprint 4",
    "nnunet fingerprint --compare 4 7 other/dataset_fingerprint.json --draw fingerprints.svg",
  );
}
