#!/usr/bin/env node
/**
 * The kernels against scikit-image and SciPy, side by side in one run, results compared. Seconds are CPU time, which
 * other work on the machine disturbs least; all of it is single-threaded but for Node's own helpers, counted as ours.
 *
 *   npm run build && node packages/kernels/bench/kernels.bench.mjs
 *
 * Needs a Python with scikit-image (PYTHON, /usr/bin/python3 or python3); without one it prints our times alone.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { labelComponents, nonzeroRegion, resampleImage, resampleLabels } from "@nnunet/kernels";

const scratch = mkdtempSync(join(tmpdir(), "kernels-bench-"));
const reference = fileURLToPath(new URL("./reference.py", import.meta.url));
const python = [process.env.PYTHON, "/usr/bin/python3", "python3"].find(
  (p) => p && spawnSync(p, ["-c", "import scipy, skimage"]).status === 0,
);
if (!python) console.warn("No Python with scikit-image and scipy found: the reference columns are left out.");
console.log(
  `${new Date().toISOString()} · ${cpus().length} × ${cpus()[0].model} · node ${process.version} · load ${loadavg()[0].toFixed(1)}`,
);

function runReference(job) {
  if (!python) return undefined;
  const { stdout, stderr, status } = spawnSync(python, [reference], { input: JSON.stringify(job) });
  if (status !== 0) throw new Error(String(stderr));
  return JSON.parse(String(stdout));
}

function best(times, work) {
  let seconds = Infinity;
  let result;
  for (let i = 0; i < times; i++) {
    const start = process.cpuUsage();
    result = work();
    const { user, system } = process.cpuUsage(start);
    seconds = Math.min(seconds, (user + system) / 1e6);
  }
  return { seconds, result };
}

function row(name, ours, theirs, note = "") {
  const ratio =
    theirs === undefined ? "" : `${theirs.toFixed(4).padStart(9)} s  ${(theirs / ours).toFixed(1).padStart(6)}×`;
  console.log(`${name.padEnd(58)} ${ours.toFixed(4).padStart(8)} s ${ratio}  ${note}`);
}

/** A deterministic image: smooth structure and noise. */
function makeImage([depth, height, width]) {
  const image = new Float32Array(depth * height * width);
  let state = 1;
  for (let z = 0, i = 0; z < depth; z++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++, i++) {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        image[i] = 500 * Math.sin(z / 20) * Math.sin(y / 33) * Math.cos(x / 27) + state / 2 ** 25;
      }
    }
  }
  return image;
}

/** Masks from the easiest to the hardest for a search of runs: a body, waves, and noise of which half is set. */
function makeMasks([depth, height, width]) {
  const make = (rule) => {
    const mask = new Uint8Array(depth * height * width);
    for (let z = 0, i = 0; z < depth; z++) {
      for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) mask[i++] = rule(z, y, x) ? 1 : 0;
    }
    return mask;
  };
  let state = 1;
  const noise = (fraction) => () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state < fraction * 2 ** 32;
  };
  const wave = (z, y, x) => Math.sin(z / 3) + Math.sin(y / 5) + Math.cos(x / 7) + Math.sin((x + y + z) / 2);
  const part = (at, n, radius) => ((at / n - 0.5) / radius) ** 2;
  const shell = (z, y, x) => part(z, depth, 0.4) + part(y, height, 0.4) + part(x, width, 0.4);
  return {
    "an organ": make((z, y, x) => part(z, depth, 0.2) + part(y, height, 0.3) + part(x, width, 0.25) < 1),
    "a hollow body": make((z, y, x) => shell(z, y, x) < 1 && shell(z, y, x) > 0.6),
    "many blobs": make((z, y, x) => wave(z, y, x) > 2),
    "few holes": make((z, y, x) => wave(z, y, x) < 1.5),
    "noise of 10 %": make(noise(0.1)),
    "noise of 30 %": make(noise(0.3)),
    "noise of 50 %": make(noise(0.5)),
  };
}

const path = (name) => join(scratch, name);
const asFloats = (file) => {
  const bytes = readFileSync(file);
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
};

try {
  console.log(`${"".padEnd(58)} ${"ours".padStart(10)} ${"Python".padStart(11)}  ${"ratio".padStart(6)}`);
  {
    const shape = [200, 512, 512];
    const target = [300, 400, 400];
    const image = makeImage(shape);
    writeFileSync(path("image"), image);
    const theirs = runReference({ image: path("image"), shape, target, order: 3, out: path("out") });
    let note = "";
    for (const simd of [false, true]) {
      const { seconds, result } = best(2, () => resampleImage(image, shape, target, { order: 3, simd }));
      if (theirs) {
        const expected = asFloats(path("out"));
        let worst = 0;
        let largest = 0;
        for (let i = 0; i < expected.length; i++) {
          worst = Math.max(worst, Math.abs(expected[i] - result[i]));
          largest = Math.max(largest, Math.abs(expected[i]));
        }
        if (worst / largest > 1e-5) throw new Error(`differs from scikit-image by ${worst}`);
        note = `largest difference ${(worst / largest).toExponential(1)} of the largest value`;
      }
      row(
        `order 3, 512×512×200 → 400×400×300, ${simd ? "WebAssembly SIMD" : "TypeScript"}`,
        seconds,
        theirs?.resample,
        note,
      );
    }
  }
  {
    const shape = [100, 160, 160];
    const target = [150, 200, 200];
    const labels = Int16Array.from(makeImage(shape), (v) => Math.max(0, Math.round(v / 50)));
    writeFileSync(path("labels"), labels);
    const theirs = runReference({ labels: path("labels"), shape, target, out: path("out") });
    const { seconds, result } = best(2, () => resampleLabels(labels, shape, target, { order: 1 }));
    let note = `${new Set(labels).size} labels`;
    if (theirs) {
      const bytes = readFileSync(path("out"));
      const expected = new Int16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2);
      const different = result.reduce((n, v, i) => n + (v === expected[i] ? 0 : 1), 0);
      note += `, ${different} of ${result.length} voxels differ`;
    }
    row("label map, 160×160×100 → 200×200×150", seconds, theirs?.labels, note);
  }
  for (const shape of [
    [40, 56, 40],
    [128, 128, 128],
    [60, 256, 256],
  ]) {
    for (const [name, mask] of Object.entries(makeMasks(shape))) {
      writeFileSync(path("mask"), mask);
      const repeats = mask.length > 5e6 ? 2 : 6;
      const theirs = runReference({ mask: path("mask"), shape, repeats });
      const where = `${shape.toReversed().join("×")}, ${name}`;
      for (const connectivity of ["face", "full"]) {
        const { seconds, result } = best(repeats + 2, () => labelComponents(mask, shape, connectivity));
        if (theirs && theirs.counts[connectivity] !== result.count) throw new Error(`${where}: counts differ`);
        row(`components, ${where}, ${connectivity}`, seconds, theirs?.[connectivity], `${result.count} components`);
      }
      const masked = Float32Array.from(mask);
      const { seconds, result } = best(repeats, () => nonzeroRegion(masked, [1, ...shape]));
      const filled = result.mask.reduce((n, v) => n + v, 0);
      if (theirs && theirs.counts.fill !== filled) throw new Error(`${where}: filled masks differ`);
      row(`holes filled, ${where}`, seconds, theirs?.fill, `${filled} voxels`);
    }
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
