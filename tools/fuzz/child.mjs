/**
 * Reads mutants `first` to `last` one after the other, in a process of its own, because one of them may end it. Before
 * each it writes the mutant's number into a file, so that whoever watches knows at which one it stopped; what it finds it
 * prints as JSON, one line each.
 *
 *   node tools/fuzz/child.mjs <seed> <first> <last> <progress file> <scratch folder> [names of targets…]
 */
import { openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { isNnunetError } from "@nnunet/core";
import { seededRandom } from "./mutate.mjs";
import { fuzzTargets, place } from "./targets.mjs";

const [seed, first, last] = process.argv.slice(2, 5).map(Number);
const [progressFile, scratch, ...chosen] = process.argv.slice(5);
const progress = openSync(progressFile, "w");
const targets = await fuzzTargets(scratch);
const names = chosen.length > 0 ? chosen : Object.keys(targets);
/** Resident memory of a reader that stays within its bounds, with the readers themselves. */
const mostMemory = 1200 * 2 ** 20;

for (let number = first; number <= last; number++) {
  writeSync(progress, `${String(number).padStart(12)}\n`, 0);
  const name = names[number % names.length];
  const target = targets[name];
  const files = target.mutant(seededRandom(Math.imul(number, 0x9e3779b1) ^ seed));
  const folder = join(scratch, "mutant");
  rmSync(folder, { recursive: true, force: true });
  const read = place(folder, files);
  let problem;
  try {
    await target.read(folder, read, files[0].bytes);
  } catch (error) {
    if (!isNnunetError(error)) problem = String(error?.stack ?? error);
  }
  if (process.memoryUsage.rss() > mostMemory)
    problem ??= `takes ${Math.round(process.memoryUsage.rss() / 2 ** 20)} MiB`;
  if (problem !== undefined) console.log(JSON.stringify({ number, target: name, problem }));
}
process.exit(0);
