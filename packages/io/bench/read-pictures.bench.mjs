#!/usr/bin/env node
/**
 * Reading a TIFF stack of 512 × 512 × 200 uint16 (raw, deflate with predictor, LZW) and a JPEG of 12 megapixels: ours
 * against tifffile and Pillow, in turns, each in a fresh process, best of three; the values compared by their sum. CPU
 * seconds count all threads of the process; wall seconds depend on what else the machine does.
 *
 *   npm run build && node packages/io/bench/read-pictures.bench.mjs
 *
 * Needs a Python with tifffile, imagecodecs and Pillow (PYTHON or python3), which also makes the files.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readImage } from "@nnunet/io";

const [, script, mode, path] = process.argv;

if (mode === "child") {
  const start = performance.now();
  const { data } = await readImage(path);
  const seconds = (performance.now() - start) / 1000;
  const cpu = process.cpuUsage();
  const peak = process.resourceUsage().maxRSS / 1024;
  let sum = 0;
  for (const value of data) sum += value;
  console.log(JSON.stringify({ seconds, cpu: (cpu.user + cpu.system) / 1e6, peak, sum }));
} else {
  main();
}

function main() {
  const scratch = mkdtempSync(join(tmpdir(), "read-pictures-"));
  const reference = fileURLToPath(new URL("./reference_pictures.py", import.meta.url));
  const python = process.env.PYTHON ?? "python3";
  try {
    run(python, [reference, "make", scratch], false);
    const machine = `${cpus().length} × ${cpus()[0].model} · node ${process.version} · load ${loadavg()[0].toFixed(1)}`;
    console.log(`${new Date().toISOString()} · ${machine}`);
    console.log("file            MB     ours, wall  theirs  ratio   ours, CPU  theirs   ours, peak  theirs");
    for (const name of ["raw.tif", "deflate.tif", "lzw.tif", "photo.jpg"]) {
      const file = join(scratch, name);
      const ours = [];
      const theirs = [];
      for (let i = 0; i < 3; i++) {
        ours.push(run(process.execPath, [script, "child", file]));
        theirs.push(run(python, [reference, "read", file]));
      }
      if (ours[0].sum !== theirs[0].sum) throw new Error(`${name}: the two read different values`);
      const best = (runs, key) => Math.min(...runs.map((r) => r[key]));
      const pair = (key, digits, unit) =>
        [ours, theirs].map((runs) => `${best(runs, key).toFixed(digits)} ${unit}`.padStart(9)).join(" ");
      const ratio = best(theirs, "seconds") / best(ours, "seconds");
      const size = (statSync(file).size / 1e6).toFixed(0).padStart(5);
      const row = [name.padEnd(12), size, pair("seconds", 2, "s"), `${ratio.toFixed(2)} ×`, pair("cpu", 2, "s")];
      console.log(`${row.join("  ")}  ${pair("peak", 0, "MB")}`);
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function run(command, args, isJson = true) {
  const { stdout, stderr, status } = spawnSync(command, args);
  if (status !== 0) throw new Error(String(stderr));
  return isJson ? JSON.parse(String(stdout)) : undefined;
}
