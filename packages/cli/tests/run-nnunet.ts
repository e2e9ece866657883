import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { main } from "@nnunet/cli";
import { foldersIn, withScratch as withFolder } from "../../pipeline/tests/tiny-dataset.ts";

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command in this process and catches what it prints. */
export async function nnunet(...args: readonly string[]): Promise<Ran> {
  const caught = { stdout: "", stderr: "" };
  const held = { stdout: process.stdout.write, stderr: process.stderr.write };
  for (const name of ["stdout", "stderr"] as const) {
    process[name].write = ((text: string | Uint8Array) => {
      caught[name] += String(text);
      return true;
    }) as typeof process.stdout.write;
  }
  try {
    const code = await main(args);
    return { code, ...caught };
  } finally {
    process.stdout.write = held.stdout;
    process.stderr.write = held.stderr;
  }
}

const rootsIn = (folder: string): readonly string[] => {
  const { raw, preprocessed, results } = foldersIn(folder);
  return ["--raw", raw, "--preprocessed", preprocessed, "--results", results];
};

/** A folder for several tests, which the caller removes, and the flags that put the three roots into it. */
export async function scratchFolder(): Promise<{ readonly scratch: string; readonly roots: readonly string[] }> {
  const scratch = await mkdtemp(join(tmpdir(), "nnunet-cli-"));
  return { scratch, roots: rootsIn(scratch) };
}

/** A folder that is gone after the test, and the flags that put the three roots into it. */
export function withScratch<T>(work: (folder: string, roots: readonly string[]) => Promise<T>): Promise<T> {
  return withFolder((folder) => work(folder, rootsIn(folder)));
}
