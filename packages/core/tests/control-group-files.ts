import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "@jest/globals";

/** Removed when the tests of the file end. */
export const scratch = await mkdtemp(join(tmpdir(), "nnunet-core-"));
afterAll(() => rm(scratch, { recursive: true, force: true }));

/** The folder of a control group with these files. */
export async function group(name: string, files: Readonly<Record<string, string>>): Promise<string> {
  const folder = join(scratch, name);
  await mkdir(folder, { recursive: true });
  for (const [file, text] of Object.entries(files)) await writeFile(join(folder, file), `${text}\n`);
  return folder;
}
