import { resolve } from "node:path";
import { createPipeline } from "@nnunet/pipeline";
import type { Command } from "commander";
import { demoFolder, demoSizes, describeDemo, writeDemoDataset } from "../demo/demo.ts";
import { type CommonFlags, withExample } from "../options/options.ts";
import type { Ending } from "../ending.ts";
import { runCommand } from "../session.ts";
import { runToJson } from "../describe/describe-run.ts";

interface Flags extends CommonFlags {
  readonly output: string;
  readonly smoke?: boolean;
}

export function demoCommand(program: Command, ending: Ending): void {
  const command = program
    .command("demo")
    .description("make a small 3D dataset and run everything on it, in at most ten minutes on two cores")
    .option("--output <folder>", "where everything goes", "demo")
    .option("--smoke", "a smaller size that only shows that everything works (under two minutes)")
    .option("--json", "print one JSON document to stdout, and progress as one JSON event per line to stderr")
    .option("--debug", "print the stack of an error")
    .action(async (flags: Flags) => {
      ending.code = await runCommand(flags, async ({ signal, onEvent, print }) => {
        const size = flags.smoke ? demoSizes.smoke : demoSizes.full;
        const root = resolve(flags.output);
        const folders = await demoFolder(root, size);
        const started = performance.now();
        const dataset = await writeDemoDataset(folders.raw, size, { signal, onEvent });
        const result = await createPipeline({}, folders).run(dataset, {
          configurations: ["3d_fullres"],
          folds: [0],
          ...size.training,
          signal,
          onEvent,
        });
        print(...describeDemo(result, root, size, (performance.now() - started) / 1000));
        return { value: runToJson(result) };
      });
    });
  withExample(command, "nnunet demo", "nnunet demo --smoke --output /tmp/nnunet-demo");
}
