import { resolve } from "node:path";
import { InvalidArgumentError } from "@nnunet/core";
import { createPipeline } from "@nnunet/pipeline";
import type { Command } from "commander";
import { demoFolder, demoSizes, describeDemo, writeDemoDataset } from "../demo/demo.ts";
import { type CommonFlags, withExample } from "../options/options.ts";
import { sharedOption } from "../options/shared-options.ts";
import type { Ending } from "../ending.ts";
import { runCommand } from "../session.ts";
import { runToJson } from "../describe/describe-run.ts";

interface Flags extends CommonFlags {
  readonly output?: string;
  readonly smoke?: boolean;
  readonly cascade?: boolean;
}

export function demoCommand(program: Command, ending: Ending): void {
  const command = program
    .command("demo")
    .description(
      "make a small 3D dataset and run everything on it (1 min 34 s were measured on two cores of an Intel Xeon, with --cascade 6 min 16 s)",
    )
    .addOption(
      sharedOption("output", {
        value: "folder",
        description: "where everything goes (default: demo, or demo_cascade)",
      }),
    )
    .option("--smoke", "a smaller size that only shows that everything works")
    .option("--cascade", "five folds of every configuration, with a cascade of two networks")
    .option("--json", "print one JSON document to stdout, and progress as one JSON event per line to stderr")
    .option("--debug", "print the stack of an error")
    .action(async (flags: Flags) => {
      ending.code = await runCommand(flags, async ({ signal, onEvent, print }) => {
        if (flags.smoke && flags.cascade)
          throw new InvalidArgumentError("--smoke", "one of --smoke and --cascade", "both");
        const size = flags.smoke ? demoSizes.smoke : flags.cascade ? demoSizes.cascade : demoSizes.full;
        const root = resolve(flags.output ?? (flags.cascade ? "demo_cascade" : "demo"));
        const folders = await demoFolder(root, size);
        const started = performance.now();
        const dataset = await writeDemoDataset(folders.raw, size, { signal, onEvent });
        const result = await createPipeline({}, folders).run(dataset, {
          ...size.run,
          signal,
          onEvent,
        });
        print(...describeDemo(result, root, size, (performance.now() - started) / 1000));
        return { value: runToJson(result) };
      });
    });
  withExample(command, "nnunet demo", "nnunet demo --smoke --output /tmp/nnunet-demo");
}
