#!/usr/bin/env node
/**
 * Runs the benchmarks one after the other, each in a process of its own, and says which failed.
 *
 *   npm run bench                      all of them
 *   npm run bench -- trainer kernels   those of some packages
 *
 * Each compares with a reference (PyTorch, SciPy, nibabel, …) on the same cores in the same run, prints the ratios, and
 * says so where the reference is not installed. Needs a build (`npm run build`).
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { cpus } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const known = readdirSync(join(root, "packages")).filter((name) => existsSync(join(root, "packages", name, "bench")));
const wanted = process.argv.slice(2);
const unknown = wanted.find((name) => !known.includes(name));
if (unknown !== undefined) {
  console.error(`no benchmarks of ${unknown}; there are some of ${known.join(", ")}`);
  process.exit(2);
}

console.log(
  `Node ${process.versions.node}, ${cpus().length} × ${cpus()[0]?.model ?? "unknown CPU"}, ${new Date().toISOString()}`,
);
const failed = [];
for (const name of wanted.length > 0 ? wanted : known) {
  const folder = join(root, "packages", name, "bench");
  for (const file of readdirSync(folder).filter((entry) => entry.endsWith(".bench.mjs"))) {
    console.log(`\n== packages/${name}/bench/${file}`);
    const { status } = spawnSync(process.execPath, [join(folder, file)], { cwd: root, stdio: "inherit" });
    if (status !== 0) failed.push(`packages/${name}/bench/${file}`);
  }
}
if (failed.length > 0) {
  console.error(`\nfailed: ${failed.join(", ")}`);
  process.exit(1);
}
