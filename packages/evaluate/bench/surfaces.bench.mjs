#!/usr/bin/env node
/**
 * Distance transforms and surface metrics against SciPy, side by side in one run, results compared. Milliseconds of
 * processor time, one thread each.
 *
 *   npx tsc -b packages/evaluate && PYTHON=… node packages/evaluate/bench/surfaces.bench.mjs
 *
 * Needs a Python with SciPy (PYTHON or python3); without one it prints our times alone.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createRandom, labelSet } from "@nnunet/core";
import { squaredDistances, surfaceMetrics } from "@nnunet/evaluate";

const spacing = [2.5, 0.8, 0.8];
const labels = labelSet({
  channelNames: ["CT"],
  labels: { background: 0, a: 1, b: 2, c: 3 },
  numTraining: 1,
  fileEnding: "",
});
const scratch = mkdtempSync(join(tmpdir(), "surfaces-bench-"));
const path = (name) => join(scratch, name);
console.log(
  `${cpus()[0]?.model ?? "CPU"}, node ${process.version}, load ${loadavg()[0].toFixed(1)}; ms of processor time`,
);
try {
  for (const shape of [
    [40, 56, 40],
    [128, 128, 128],
    [60, 256, 256],
    [1, 512, 512],
  ]) {
    const repeats = shape[0] * shape[1] * shape[2] > 1e6 ? 3 : 10;
    for (const [name, marked] of Object.entries(makeMarked(shape))) {
      writeFileSync(path("marked"), marked);
      const theirs = runReference({ marked: path("marked"), shape, spacing, repeats, out: path("out") });
      const { ms, result } = best(repeats, () => squaredDistances(marked, shape, spacing));
      if (theirs) compareDistances(result, name);
      row(`distances, ${shape.toReversed().join("×")}, ${name}`, ms, theirs?.distances);
    }
    const [reference, prediction] = makeOrgans(shape);
    writeFileSync(path("reference"), reference);
    writeFileSync(path("prediction"), prediction);
    const job = { reference: path("reference"), prediction: path("prediction"), shape, spacing, repeats };
    const theirs = runReference(job);
    const { ms, result } = best(repeats, () => surfaceMetrics(reference, prediction, shape, spacing, labels));
    for (const [id, expected] of Object.entries(theirs?.values ?? {})) {
      for (const [metric, value] of Object.entries(expected)) {
        if (!(Math.abs(result[id][metric] - value) < 1e-4 * Math.max(1, value))) {
          throw new Error(`${shape}, label ${id}: ${metric} is ${result[id][metric]}, SciPy's ${value}`);
        }
      }
    }
    row(`surface metrics of three labels, ${shape.toReversed().join("×")}`, ms, theirs?.metrics);
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

function row(name, ours, theirs) {
  const ratio =
    theirs === undefined ? "" : `${theirs.toFixed(2).padStart(9)}  ${(theirs / ours).toFixed(1).padStart(6)}×`;
  console.log(`${name.padEnd(48)} ${ours.toFixed(2).padStart(8)} ${ratio}`);
}

function best(times, work) {
  let ms = Infinity;
  let result;
  for (let i = 0; i < times + 2; i++) {
    const start = process.cpuUsage();
    result = work();
    const { user, system } = process.cpuUsage(start);
    ms = Math.min(ms, (user + system) / 1000);
  }
  return { ms, result };
}

function compareDistances(squared, name) {
  const bytes = readFileSync(path("out"));
  const expected = new Float64Array(bytes.buffer, bytes.byteOffset, bytes.length / 8);
  for (let i = 0; i < expected.length; i++) {
    if (Math.abs(Math.sqrt(squared[i]) - expected[i]) > 1e-5 * (1 + expected[i])) {
      throw new Error(`${name}: voxel ${i} is ${Math.sqrt(squared[i])}, SciPy's ${expected[i]}`);
    }
  }
}

/** From the surface of an organ, few voxels of which are marked, to noise, of which half is. */
function makeMarked([depth, height, width]) {
  const random = createRandom(1);
  const part = (at, n, radius) => ((at - (n - 1) / 2) / (radius * n)) ** 2;
  const inside = (z, y, x) => part(z, depth, 0.3) + part(y, height, 0.3) + part(x, width, 0.25);
  const make = (rule) => {
    const mask = new Uint8Array(depth * height * width);
    for (let z = 0, i = 0; z < depth; z++) {
      for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) mask[i++] = rule(z, y, x) ? 1 : 0;
    }
    return mask;
  };
  return {
    "an organ's surface": make((z, y, x) => inside(z, y, x) < 1 && inside(z, y, x) > 0.85),
    "an organ": make((z, y, x) => inside(z, y, x) < 1),
    "one voxel": make((z, y, x) => z === depth >> 1 && y === 3 && x === 3),
    "noise of 1 %": make(() => random.chance(0.01)),
    "noise of 50 %": make(() => random.chance(0.5)),
  };
}

/** Three ellipsoids, and the same a little elsewhere and rough at the edge. */
function makeOrgans([depth, height, width]) {
  const random = createRandom(2);
  const centres = [
    [0.5, 0.3, 0.3],
    [0.5, 0.6, 0.65],
    [0.5, 0.75, 0.25],
  ];
  const make = (shift, rough) => {
    const seg = new Uint8Array(depth * height * width);
    for (let z = 0, i = 0; z < depth; z++) {
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++, i++) {
          for (const [k, [cz, cy, cx]] of centres.entries()) {
            const d =
              ((z + 0.5) / depth - cz) ** 2 * 4 +
              ((y + 0.5) / height - cy - shift) ** 2 +
              ((x + 0.5) / width - cx) ** 2;
            if (d < (0.1 + 0.04 * k + rough * random.uniform()) ** 2) seg[i] = k + 1;
          }
        }
      }
    }
    return seg;
  };
  return [make(0, 0), make(0.02, 0.01)];
}

function runReference(job) {
  const python = process.env.PYTHON ?? "python3";
  const script = fileURLToPath(new URL("surfaces.bench.py", import.meta.url));
  const threads = { OMP_NUM_THREADS: "1", OPENBLAS_NUM_THREADS: "1", MKL_NUM_THREADS: "1" };
  const child = spawnSync(python, [script], {
    input: JSON.stringify(job),
    encoding: "utf8",
    env: { ...process.env, ...threads },
  });
  if (child.status === 0) return JSON.parse(child.stdout);
  console.log(
    `no comparison: ${child.stderr?.trim().split("\n").at(-1) ?? child.error} (PYTHON names a Python with SciPy)`,
  );
  return undefined;
}
