#!/usr/bin/env node
/**
 * Runs jest over the workspace (or over the folders named) and ends with "N passed, N failed, N skipped".
 *
 *   node tools/test.mjs                    every fast test
 *   node tools/test.mjs packages/planner   one package, from whatever folder
 *   node tools/test.mjs --slow             the slow lane (real data, minutes)
 *   node tools/test.mjs --device           what needs a GPU, or a software one
 *
 * Ends with 1 if no test passed: a path that matches nothing is a mistake. As a task of nx it leaves its counts in a
 * file instead of the last line, so that `tools/test-all.mjs` can add up those of all packages, cached ones too.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const args = process.argv.slice(2);
const lanes = { "--slow": "slow", "--device": "device" };
const lane = lanes[args.find((a) => a in lanes)] ?? "fast";
const paths = args.filter((a) => !(a in lanes)).map((a) => (a.startsWith("-") ? a : fromRoot(a)));
const scratch = mkdtempSync(join(tmpdir(), "nnunet-test-"));
const report = join(scratch, "report.json");

// nx asks for colours, which the commands that tests run would then put into what they print.
const { FORCE_COLOR: _, ...environment } = process.env;

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
    env: { ...environment, NNUNET_TEST_LANE: lane },
  },
);

let counts = { passed: 0, failed: 1, skipped: 0 };
try {
  const result = JSON.parse(readFileSync(report, "utf8"));
  const { numPassedTests, numFailedTests, numRuntimeErrorTestSuites, numPendingTests } = result;
  counts = { passed: numPassedTests, failed: numFailedTests + numRuntimeErrorTestSuites, skipped: numPendingTests };
} catch {
  // jest ended without a report: one failure
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
if (counts.passed === 0 && counts.failed === 0) {
  console.error(`no test ran for ${paths.join(" ") || "the whole workspace"}`);
  counts.failed = 1;
}
const project = process.env.NX_TASK_TARGET_PROJECT;
const line = `${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`;
if (project === undefined) console.log(line);
else {
  const file = join(root, "coverage/counts", `${project}.json`);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, JSON.stringify(counts));
  console.log(`${line} in ${project}`);
}
process.exit(child.status === 0 && counts.failed === 0 ? 0 : 1);

/** A path as jest matches it, from the root: `packages/planner` means the same from every folder. */
function fromRoot(path) {
  const folders = [process.env.INIT_CWD, process.cwd(), root].filter(Boolean);
  const found = folders.map((folder) => resolve(folder, path)).find((candidate) => existsSync(candidate));
  return found === undefined ? path : relative(root, found) || ".";
}
