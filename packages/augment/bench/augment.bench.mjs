#!/usr/bin/env node
/**
 * Milliseconds of each augmentation on one channel, one core, against SciPy, scikit-image and NumPy doing the same
 * step in the same run (skipped with a message where they are absent), and of whole batches.
 *
 *   npx tsc -b packages/augment && node packages/augment/bench/augment.bench.mjs
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import * as augment from "@nnunet/augment";
import { createRandom, labelSet } from "@nnunet/core";

/** Processor time, so that other work on the machine disturbs less; both sides run on one thread. */
const repeats = 4;
const cpu = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};
const best = (run) => {
  // Until the machine code is optimised; then so many calls per measurement that it takes some 20 ms.
  const begin = performance.now();
  let calls = 0;
  for (; calls < 3 || performance.now() - begin < 100; calls++) run();
  const group = Math.max(1, Math.ceil((20 * calls) / (performance.now() - begin)));
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < repeats; i++) {
    const start = cpu();
    for (let k = 0; k < group; k++) run();
    least = Math.min(least, (cpu() - start) / group);
  }
  return least;
};

const sizes = [
  { patch: [40, 56, 40], loader: [73, 80, 64] },
  { patch: [128, 128, 128], loader: [160, 160, 160] },
];
const angles = [0.3, -0.2, 0.4];
const folder = mkdtempSync(join(tmpdir(), "nnunet-augment-"));
console.log(`${cpus()[0]?.model ?? "CPU"}, node ${process.version}; best of ${repeats}, ms of processor time`);

for (const { patch, loader } of sizes) {
  const voxels = patch[0] * patch[1] * patch[2];
  const random = createRandom(1);
  const smooth = (size) => {
    const x = Float32Array.from({ length: size[0] * size[1] * size[2] }, () => random.normal());
    return augment.gaussianBlur(x, size, [1, 1, 1], {}, x);
  };
  const image = smooth(patch);
  const large = smooth(loader);
  // Blobs, as labels are, some tens of voxels wide
  const labels = Int16Array.from(augment.gaussianBlur(large, loader, [4, 4, 4]), (v) =>
    v > 0.03 ? 2 : v > 0.01 ? 1 : 0,
  );
  const mask = Uint8Array.from(augment.gaussianBlur(image, patch, [4, 4, 4]), (v) => (v > 0.02 ? 1 : 0));
  const matrix = augment.samplingMatrix(angles, [0.9, 0.9, 0.9]);
  // Where the batch source has its patch; the second column is on arrays of the caller's own, copied by the step.
  const memory = augment.patchMemory(2 * voxels);
  const held = memory.subarray(0, voxels);
  held.set(image);
  const out = memory.subarray(voxels);
  const own = new Float32Array(voxels);
  const outLabels = new Int16Array(voxels);

  const intensities = {
    noise: (x, y) => augment.addGaussianNoise(x, 0.3, random, y),
    "blur 1.0": (x, y) => augment.gaussianBlur(x, patch, [1, 1, 1], {}, y),
    "blur 1.5": (x, y) => augment.gaussianBlur(x, patch, [1.5, 1.5, 1.5], {}, y),
    brightness: (x, y) => augment.scaleBrightness(x, 1.2, y),
    contrast: (x, y) => augment.scaleContrast(x, 1.2, "mean", y),
    "low resolution cubic": (x, y) => augment.simulateLowResolution(x, patch, 0.6, {}, y),
    gamma: (x, y) => augment.applyGamma(x, 1.3, { keepStatistics: true }, y),
    // In place, as in a batch.
    mirror: (_, y) => augment.mirrorInPlace(y, patch, [0, 1, 2]),
    "mirror x": (_, y) => augment.mirrorInPlace(y, patch, 2),
  };
  const steps = {
    "rotation linear": () => augment.transformImage(large, loader, patch, { matrix }, "linear", out),
    "rotation cubic": () => augment.transformImage(large, loader, patch, { matrix }, "cubic", out),
    "rotation labels": () => augment.transformLabels(labels, loader, patch, { matrix }, "threshold", 0, outLabels),
    "dilation ball 5": () => augment.applyBinaryOperator(mask, patch, "dilation", 5),
    "erosion ball 5": () => augment.applyBinaryOperator(mask, patch, "erosion", 5),
  };

  const files = { image, large, labels, mask };
  for (const [name, data] of Object.entries(files)) writeFileSync(join(folder, name), data);
  writeFileSync(join(folder, "case.json"), JSON.stringify({ patch, loader, matrix, repeats }));
  const reference = runReference();

  console.log(`\n${patch.join("×")} from ${loader.join("×")}`);
  console.log("step                    ours   python    ratio   (own arrays: ours, ratio)   largest difference");
  for (const [name, step] of Object.entries(intensities)) {
    const compared = () => {
      own.set(image);
      return step(image, own);
    };
    report(
      name,
      () => step(held, out),
      reference?.[name],
      () => step(image, own),
      compared,
    );
  }
  for (const [name, run] of Object.entries(steps)) report(name, run, reference?.[name]);
}
rmSync(folder, { recursive: true });
await timeBatches();

/** One line; `copied` is the same step on arrays that it has to copy. */
function report(name, run, theirs, copied, check) {
  const ours = best(run);
  const ratio = (ms) => (theirs ? `${(theirs.ms / ms).toFixed(1)}×` : "").padStart(6);
  let line = `${name.padEnd(21)} ${ours.toFixed(3).padStart(8)} ${(theirs?.ms.toFixed(3) ?? "").padStart(8)} ${ratio(ours)}`;
  if (copied) {
    const slower = best(copied);
    line += `   (${slower.toFixed(3)}, ${ratio(slower)})`;
  }
  if (theirs?.file) line += `   ${difference(check ? check() : run(), theirs.file)}`;
  console.log(line);
}

/** The same steps in Python; nothing where an import fails. */
function runReference() {
  for (const python of [process.env.NNUNET_PYTHON, "/usr/bin/python3", "python3"].filter(Boolean)) {
    const script = new URL("augment.bench.py", import.meta.url).pathname;
    const threads = { OMP_NUM_THREADS: "1", OPENBLAS_NUM_THREADS: "1" };
    const child = spawnSync(python, [script, folder], { encoding: "utf8", env: { ...process.env, ...threads } });
    if (child.status === 0) return JSON.parse(child.stdout);
  }
  console.log("no Python with scipy and scikit-image here: the comparison is skipped (NNUNET_PYTHON names another)");
  return undefined;
}

function difference(ours, file) {
  const bytes = readFileSync(join(folder, file));
  const theirs = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  let largest = 0;
  let different = 0;
  for (let i = 0; i < ours.length; i++) {
    largest = Math.max(largest, Math.abs(ours[i] - theirs[i]));
    if (ours[i] !== theirs[i]) different++;
  }
  return ours instanceof Float32Array ? largest.toExponential(1) : `${different} of ${ours.length} voxels differ`;
}

/** Whole batches of two 40×56×40 patches, as the pipeline asks for them; the reader only copies from memory. */
async function timeBatches() {
  const size = [64, 80, 64];
  const voxels = size[0] * size[1] * size[2];
  const random = createRandom(2);
  const data = Float32Array.from({ length: voxels }, () => random.normal());
  const seg = Int16Array.from(data, (v) => (v > 2 ? 2 : v > 1.5 ? 1 : 0));
  const where = (label) => Int32Array.from([...seg.keys()].filter((i) => seg[i] === label));
  const reader = {
    id: "memory",
    shape: [1, ...size],
    classLocations: { 1: where(1), 2: where(2) },
    async readPatch(start, box) {
      const out = {
        data: new Float32Array(box[0] * box[1] * box[2]),
        seg: new Int16Array(box[0] * box[1] * box[2]),
      };
      let to = 0;
      for (let z = 0; z < box[0]; z++) {
        for (let y = 0; y < box[1]; y++, to += box[2]) {
          const from = ((start[0] + z) * size[1] + start[1] + y) * size[2] + start[2];
          out.data.set(data.subarray(from, from + box[2]), to);
          out.seg.set(seg.subarray(from, from + box[2]), to);
        }
      }
      return out;
    },
  };
  console.log("\nbatches of two 40×56×40 patches, 200 of each");
  for (const name of ["paper", "v2", "none"]) {
    const source = augment.createBatchSource({
      cases: [reader],
      configuration: {
        patchSize: [40, 56, 40],
        batchSize: 2,
        dummy2dAugmentation: false,
        useMaskForNorm: [false],
        augmentation: "paper",
      },
      labels: labelSet({
        channelNames: ["MRI"],
        labels: { background: 0, a: 1, b: 2 },
        numTraining: 1,
        fileEnding: "",
      }),
      seed: 1,
      mode: "training",
      outputScales: [
        [1, 1, 1],
        [0.5, 0.5, 0.5],
        [0.25, 0.25, 0.25],
      ],
      augmentation: augment.augmentationParameters[name],
    });
    for (let i = 0; i < 20; i++) await source.batch(0, i);
    const times = [];
    for (let i = 0; i < 200; i++) {
      const start = cpu();
      await source.batch(1, i);
      times.push(cpu() - start);
    }
    times.sort((a, b) => a - b);
    const mean = times.reduce((a, b) => a + b, 0) / times.length;
    console.log(
      `${name.padEnd(6)} mean ${mean.toFixed(1)} ms, median ${times[100].toFixed(1)}, 95 % below ${times[189].toFixed(1)}`,
    );
  }
}
