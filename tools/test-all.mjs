#!/usr/bin/env node
/**
 * Tests and lints every package through nx, which skips what has not changed since it last passed, and ends with one
 * line "N passed, N failed, N skipped" over all. Needs no network, leaves no process behind.
 *
 *   node tools/test-all.mjs                  everything
 *   node tools/test-all.mjs --skip-nx-cache  everything anew
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = resolve(fileURLToPath(new URL("..", import.meta.url)));
const countsFolder = join(root, "coverage/counts");
rmSync(countsFolder, { recursive: true, force: true });
mkdirSync(countsFolder, { recursive: true });

const nx = spawnSync(
  process.execPath,
  [
    join(root, "node_modules/nx/dist/bin/nx.js"),
    "run-many",
    "-t",
    "build",
    "lint",
    "test",
    "--nxBail=false",
    ...process.argv.slice(2),
  ],
  {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, NX_DAEMON: "false", NX_NO_CLOUD: "true" },
  },
);

const total = { passed: 0, failed: 0, skipped: 0 };
for (const file of readdirSync(countsFolder, { recursive: true }).filter((name) => name.endsWith(".json"))) {
  const counts = JSON.parse(readFileSync(join(countsFolder, file), "utf8"));
  for (const key of Object.keys(total)) total[key] += counts[key];
}
// A package that did not build or lint, or a runner that could not start, is a failure too.
if (nx.status !== 0 && total.failed === 0) total.failed = 1;
if (total.passed === 0 && total.failed === 0) total.failed = 1;
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exit(total.failed === 0 ? 0 : 1);
