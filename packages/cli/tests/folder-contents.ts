import { createHash } from "node:crypto";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";

/** SHA-256 per file, but for what tells of the time: log, curve, checkpoints (with the log inside), list and report. */
export async function contents(folder: string): Promise<Record<string, string>> {
  const hashes: Record<string, string> = {};
  for (const name of (await readdir(folder, { recursive: true })).sort()) {
    if (!(await stat(join(folder, name))).isFile()) continue;
    if (/training_log|progress\.svg|checkpoint_|jobs\.json|report__/.test(name)) continue;
    hashes[name] = createHash("sha256")
      .update(await readFile(join(folder, name)))
      .digest("hex");
  }
  return hashes;
}
