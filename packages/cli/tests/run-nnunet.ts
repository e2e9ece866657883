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

/** A folder that is gone after the test, and the flags that put the three roots into it. */
export function withScratch<T>(work: (folder: string, roots: readonly string[]) => Promise<T>): Promise<T> {
  return withFolder((folder) => {
    const { raw, preprocessed, results } = foldersIn(folder);
    return work(folder, ["--raw", raw, "--preprocessed", preprocessed, "--results", results]);
  });
}
