/**
 * Tries regular expressions on long texts as `replace` would, and says which it is about to try: if it does not end with
 * "done", the last one said is to blame. Linear time is a tenth of a second of a processor for all texts, quadratic
 * time seconds for one; nobody's clock is asked.
 *
 * stdin: [{ source, flags, where }, …] as JSON
 */
import { readFileSync } from "node:fs";

const found = JSON.parse(readFileSync(0, "utf8"));
const letters = [
  " ",
  "\t",
  "\n",
  "\r",
  "\0",
  "0",
  "a",
  "_",
  ".",
  "-",
  "(",
  "[",
  "{",
  "$",
  '"',
  "\\",
  "/",
  "=",
  ":",
  ",",
];
const pairs = ["${a", '\\"', "( ", "(a", '" ', "a ", "0.", ".a", "_0", "a=", "none", "true"];
const heads = ["", "a =", "fingerprint.a"];
/** What hardly any expression takes, so that it has to go back. */
const tail = "!\u2028";

for (const { source, flags, where } of found) {
  process.stdout.write(`${where} /${source}/${flags}\n`);
  const expression = new RegExp(source, /[gy]/.test(flags) ? flags : `${flags}g`);
  const before = process.cpuUsage();
  for (const piece of [...letters, ...pairs]) {
    const long = piece.repeat(60_000 / piece.length);
    for (const head of heads) {
      `${head}${long}${tail}`.replace(expression, () => "");
      if (process.cpuUsage(before).user > 1e6) process.exit(1);
    }
  }
}
process.stdout.write("done\n");
