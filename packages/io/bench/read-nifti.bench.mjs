#!/usr/bin/env node
/**
 * Reading and writing a CT of 512 × 512 × 400 int16 as .nii.gz: ours against nibabel, in turns, each in a fresh process,
 * best of three; the voxels compared by their sum. CPU seconds count all threads of the process; wall seconds depend on
 * what else the machine does.
 *
 *   npm run build && node packages/io/bench/read-nifti.bench.mjs
 *
 * Needs a Python with nibabel (PYTHON, /usr/bin/python3 or python3); without one it prints our times alone.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readImage, writeImage } from "@nnunet/io";

const [, script, mode, path, out] = process.argv;

async function measured(work) {
  const start = performance.now();
  const cpu = process.cpuUsage();
  const value = await work();
  const { user, system } = process.cpuUsage(cpu);
  return { value, seconds: (performance.now() - start) / 1000, cpu: (user + system) / 1e6 };
}

if (mode === "child") {
  const read = await measured(() => readImage(path));
  const write = await measured(() => writeImage(out, read.value));
  let sum = 0;
  for (const v of read.value.data) sum += v;
  const peak = process.resourceUsage().maxRSS / 1024;
  console.log(
    JSON.stringify({ read: read.seconds, readCpu: read.cpu, write: write.seconds, writeCpu: write.cpu, peak, sum }),
  );
} else {
  await main();
}

async function main() {
  const scratch = mkdtempSync(join(tmpdir(), "read-nifti-"));
  try {
    const file = join(scratch, "ct.nii.gz");
    await writeImage(file, syntheticCt());
    const reference = fileURLToPath(new URL("./reference.py", import.meta.url));
    const python = [process.env.PYTHON, "/usr/bin/python3", "python3"].find(
      (p) => p && spawnSync(p, ["-c", "import nibabel"]).status === 0,
    );
    if (!python) console.warn("No Python with nibabel found: its columns are left out.");
    const machine = `${cpus().length} × ${cpus()[0].model} · node ${process.version} · load ${loadavg()[0].toFixed(1)}`;
    console.log(`${new Date().toISOString()} · ${machine}`);
    console.log(`512 × 512 × 400 int16, ${(statSync(file).size / 1e6).toFixed(0)} MB compressed`);
    const ours = [];
    const theirs = [];
    for (let i = 0; i < 3; i++) {
      ours.push(run(process.execPath, [script, "child", file, join(scratch, "ours.nii.gz")]));
      if (python) theirs.push(run(python, [reference, file, join(scratch, "theirs.nii.gz")]));
    }
    const best = (runs, key) => Math.min(...runs.map((r) => r[key]));
    console.log("                    ours    nibabel   nibabel / ours");
    for (const [name, key, unit] of [
      ["read, wall", "read", "s"],
      ["read, CPU", "readCpu", "s"],
      ["write, wall", "write", "s"],
      ["write, CPU", "writeCpu", "s"],
      ["peak memory", "peak", "MB"],
    ]) {
      const a = best(ours, key);
      const columns = python ? `${shown(best(theirs, key), unit)}   ${(best(theirs, key) / a).toFixed(2)} ×` : "";
      console.log(`${name.padEnd(14)} ${shown(a, unit)} ${columns}`);
    }
    if (python && ours[0].sum !== theirs[0].sum) throw new Error("the two read different voxels");
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function shown(value, unit) {
  return `${value.toFixed(unit === "s" ? 2 : 0).padStart(7)} ${unit}`.padEnd(11);
}

function run(command, args) {
  const { stdout, stderr, status } = spawnSync(command, args);
  if (status !== 0) throw new Error(String(stderr));
  return JSON.parse(String(stdout));
}

/** A body of smooth tissue with noise in air: compresses about as a CT does. */
function syntheticCt() {
  const [nz, ny, nx] = [400, 512, 512];
  const data = new Int16Array(nz * ny * nx);
  let seed = 1;
  let i = 0;
  for (let z = 0; z < nz; z++) {
    for (let y = 0; y < ny; y++) {
      for (let x = 0; x < nx; x++) {
        const inside = ((x - 256) / 200) ** 2 + ((y - 256) / 140) ** 2 < 1;
        if (inside) seed = (seed * 48271) % 2147483647;
        data[i++] = inside ? 40 + 60 * Math.sin(x / 30) * Math.sin(y / 25 + z / 40) + (seed % 41) - 20 : -1024;
      }
    }
  }
  const geometry = { spacing: [1.5, 0.8, 0.8], origin: [-200, -150, 30], direction: [1, 0, 0, 0, 1, 0, 0, 0, 1] };
  return { data, shape: [1, nz, ny, nx], geometry };
}
