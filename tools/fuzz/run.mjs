#!/usr/bin/env node
/**
 * Feeds mutants of good files to every parser that faces the outside. Each must be read, or refused with one of our
 * errors; none may crash, hang, or take memory. Reading happens in a child process under limits. Needs a build.
 *
 *   node tools/fuzz/run.mjs --mutants 1000000              npm run fuzz
 *   node tools/fuzz/run.mjs --seed 7 --target plans,nii    one seed, some readers
 *
 * What is found is written to test-data/hostile/found/<target>-<number>/ and stays there as a test; commit it with the
 * mending. Ends with 1 if anything was found.
 */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { seededRandom } from "./mutate.mjs";
import { fuzzTargets, place } from "./targets.mjs";

const { values } = parseArgs({
  options: {
    mutants: { type: "string", default: "20000" },
    seed: { type: "string", default: "1" },
    target: { type: "string", default: "" },
    found: { type: "string", default: fileURLToPath(new URL("../../test-data/hostile/found", import.meta.url)) },
  },
});
const mutants = Number(values.mutants);
const seed = Number(values.seed);
const chosen = values.target.split(",").filter(Boolean);
/** A reader needs milliseconds; a machine that is busy with other things may need seconds. */
const longestSilence = 30_000;

const scratch = mkdtempSync(join(tmpdir(), "nnunet-fuzz-"));
const targets = await fuzzTargets(join(scratch, "parent"));
const names = chosen.length > 0 ? chosen : Object.keys(targets);
const unknown = names.find((name) => !Object.hasOwn(targets, name));
if (unknown !== undefined) {
  console.error(`no target ${unknown}; there are ${Object.keys(targets).join(", ")}`);
  process.exit(2);
}
const found = new Map();
let running;
// Whoever stops us stops the child too, and nothing is left.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.once(signal, () => {
    running?.kill("SIGKILL");
    rmSync(scratch, { recursive: true, force: true });
    process.exit(130);
  });
}
try {
  for (let first = 0; first < mutants; ) first = await runFrom(first);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
console.log(
  `${mutants} mutants of ${names.length} kinds, seed ${seed}: ${found.size === 0 ? "all read or refused" : `${found.size} faults`}`,
);
process.exit(found.size === 0 ? 0 : 1);

/** Runs a child until it is done or stopped by a mutant; returns the number to go on with. */
async function runFrom(first) {
  const progressFile = join(scratch, "progress");
  const childScratch = mkdtempSync(join(scratch, "child-"));
  const script = fileURLToPath(new URL("child.mjs", import.meta.url));
  const last = Math.min(first + 50_000, mutants) - 1;
  const child = spawn(
    process.execPath,
    [
      "--max-old-space-size=512",
      script,
      String(seed),
      String(first),
      String(last),
      progressFile,
      childScratch,
      ...chosen,
    ],
    { stdio: ["ignore", "pipe", "ignore"] },
  );
  running = child;
  // What was found is told and kept at once, whatever becomes of the child.
  createInterface({ input: child.stdout }).on("line", (line) => {
    const { number, problem } = JSON.parse(line);
    keep(number, problem);
  });
  const reached = () => {
    const number = Number.parseInt(readSafely(progressFile), 10);
    return Number.isNaN(number) ? first : number;
  };
  let seen = -1;
  let since = Date.now();
  let silent = false;
  const watch = setInterval(() => {
    const now = reached();
    if (now !== seen) [seen, since] = [now, Date.now()];
    else if (Date.now() - since > longestSilence) {
      silent = true;
      child.kill("SIGKILL");
    }
  }, 500);
  const code = await new Promise((resolve) => child.on("close", (status, signal) => resolve(signal ?? status)));
  clearInterval(watch);
  rmSync(childScratch, { recursive: true, force: true });
  if (code === 0) return last + 1;
  const number = reached();
  keep(number, silent ? `no answer within ${longestSilence / 1000} s` : `the process ended (${code})`);
  return number + 1;
}

/** Prints a fault once per place, and keeps the mutant. */
function keep(number, problem) {
  const name = names[number % names.length];
  const lines = problem.split("\n");
  const fault = `${name}: ${lines[0]} ${lines.find((line) => /\bat .*packages/.test(line)) ?? ""}`;
  if (found.has(fault)) return;
  found.set(fault, number);
  const folder = join(values.found, `${name}-${seed}-${number}`);
  mkdirSync(folder, { recursive: true });
  place(folder, targets[name].mutant(seededRandom(Math.imul(number, 0x9e3779b1) ^ seed)));
  console.log(`${name}, mutant ${number}: ${lines.slice(0, 3).join(" | ")}\n  kept in ${folder}`);
}

function readSafely(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
