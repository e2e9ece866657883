#!/usr/bin/env node
/**
 * Runs jest over the workspace (or over the folders named) and ends with "N passed, N failed, N skipped".
 *
 *   node tools/test.mjs                    every fast test
 *   node tools/test.mjs packages/planner   one package
 *   node tools/test.mjs --slow             the slow lane (real data, minutes)
 *   node tools/test.mjs --device           what needs a GPU, or a software one
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const args = process.argv.slice(2);
const lanes = { "--slow": "slow", "--device": "device" };
const lane = lanes[args.find((a) => a in lanes)] ?? "fast";
const paths = args
  .filter((a) => !(a in lanes))
  .map((a) => (a.startsWith("-") ? a : relative(root, resolve(process.env.INIT_CWD ?? root, a)) || a));
const scratch = mkdtempSync(join(tmpdir(), "nnunet-test-"));
const report = join(scratch, "report.json");

// With two parallel files and the native runtime inside, one thread each keeps a 2-core machine honest.
const child = spawnSync(
  process.execPath,
  [
    "--experimental-vm-modules",
    "--no-warnings",
    join(root, "node_modules/jest/bin/jest.js"),
    "--json",
    `--outputFile=${report}`,
    ...paths,
  ],
  {
    cwd: root,
    stdio: ["inherit", "ignore", "inherit"],
    env: { ...process.env, NNUNET_TEST_LANE: lane },
  },
);

let failed = 1;
try {
  const result = JSON.parse(readFileSync(report, "utf8"));
  failed = result.numFailedTests + result.numRuntimeErrorTestSuites;
  console.log(`${result.numPassedTests} passed, ${failed} failed, ${result.numPendingTests} skipped`);
  if (result.numPassedTests === 0) failed ||= 1;
} catch {
  console.log("0 passed, 1 failed");
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
process.exit(child.status === 0 && failed === 0 ? 0 : 1);
