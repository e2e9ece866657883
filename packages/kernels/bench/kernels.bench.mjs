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
    theirs === undefined ? "" : `${theirs.toFixed(2).padStart(7)} s  ${(theirs / ours).toFixed(1).padStart(6)}×`;
  console.log(`${name.padEnd(58)} ${ours.toFixed(2).padStart(6)} s ${ratio}  ${note}`);
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

const path = (name) => join(scratch, name);
const asFloats = (file) => {
  const bytes = readFileSync(file);
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
};

try {
  console.log(`${"".padEnd(58)} ${"ours".padStart(8)} ${"Python".padStart(9)}  ${"ratio".padStart(6)}`);
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
  {
    const shape = [200, 256, 256];
    const image = makeImage(shape);
    const mask = Uint8Array.from(image, (v) => (v > 100 ? 1 : 0));
    writeFileSync(path("mask"), mask);
    const theirs = runReference({ mask: path("mask"), shape });
    for (const connectivity of ["face", "full"]) {
      const { seconds, result } = best(2, () => labelComponents(mask, shape, connectivity));
      row(
        `connected components, 256×256×200, ${connectivity}`,
        seconds,
        theirs?.[connectivity],
        `${result.count} components`,
      );
    }
    const masked = Float32Array.from(mask);
    row(
      "nonzero region with holes filled, 256×256×200",
      best(2, () => nonzeroRegion(masked, [1, ...shape])).seconds,
      theirs?.fill,
    );
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
