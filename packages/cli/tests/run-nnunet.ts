import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { main } from "@nnunet/cli";

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

/** A folder that is gone after the test, and the flags that put the three roots into it. */
export async function withScratch<T>(work: (folder: string, roots: readonly string[]) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "nnunet-cli-"));
  const roots = ["raw", "preprocessed", "results"].flatMap((name) => [`--${name}`, join(folder, name)]);
  try {
    return await work(folder, roots);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
