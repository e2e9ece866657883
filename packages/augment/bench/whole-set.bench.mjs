#!/usr/bin/env node
/**
 * Whole training samples, with every augmentation at its own probability, against the code that nnU-Net uses. Both
 * begin with a patch in memory (what reading it takes is left out); ours also writes the batch and its target.
 *
 *   npx tsc -b packages/augment && NNUNET_PYTHON=… node packages/augment/bench/whole-set.bench.mjs [256×256 …]
 *
 * The Python needs batchgenerators (the paper's), batchgeneratorsv2 (today's) and nnunetv2. Milliseconds of processor
 * time and of the clock a sample, one thread each, the same sizes and probabilities, a channel and two labels.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import * as augment from "@nnunet/augment";
import { createRandom, labelSet } from "@nnunet/core";

const { paper, v2 } = augment.augmentationParameters;
const cubic = { ...paper, spatial: { ...paper.spatial, imageInterpolation: "cubic" } };
const sets = [
  { name: "paper, image linear", ours: paper, theirs: "batchgenerators", order: 1 },
  { name: "paper, image cubic", ours: cubic, theirs: "batchgenerators", order: 3 },
  { name: "v2", ours: v2, theirs: "batchgeneratorsv2", order: 1 },
];
const sizes = [
  { patch: [40, 56, 40], samples: 600 },
  { patch: [128, 128, 128], samples: 40 },
  { patch: [256, 256], samples: 1200 },
];
const label = (patch) => patch.join("×");
const wanted = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), "nnunet-whole-set-"));
console.log(
  `${cpus()[0]?.model ?? "CPU"}, node ${process.version}, load ${loadavg()[0].toFixed(1)}; a sample, ms of processor time (of the clock)`,
);
try {
  for (const { patch, samples } of sizes) {
    if (wanted.length > 0 && !wanted.includes(label(patch))) continue;
    const flat = patch.length === 2;
    const rotation = augment.maximumRotation(patch, false);
    const loader = augment.loaderPatchSize(patch, rotation, false);
    const size = flat ? [1, ...loader] : loader;
    const { data, seg } = blobs(size);
    writeFileSync(join(folder, "image"), data);
    writeFileSync(join(folder, "labels"), seg);
    for (const { name, ours, theirs, order } of sets) {
      const mine = await timeOurs(patch, size, data, seg, ours, samples);
      const job = { patch, loader, rotation: (rotation * Math.PI) / 180, samples, theirs, order, parameters: ours };
      writeFileSync(join(folder, "job.json"), JSON.stringify(job));
      const reference = runReference();
      const line = `${label(patch).padEnd(12)} ${name.padEnd(20)} ours ${show(mine)}`;
      if (reference === undefined) console.log(line);
      else {
        console.log(
          `${line}   ${theirs} ${show(reference)}   ${(reference.cpu / mine.cpu).toFixed(1)}× (${(reference.wall / mine.wall).toFixed(1)}×)`,
        );
      }
    }
  }
} finally {
  rmSync(folder, { recursive: true });
}

function show({ cpu, wall }) {
  return `${cpu.toFixed(2).padStart(7)} (${wall.toFixed(2)})`;
}

/** A smooth image of noise, and two labels as blobs of it. */
function blobs(size) {
  const random = createRandom(1);
  const data = Float32Array.from({ length: size[0] * size[1] * size[2] }, () => random.normal());
  augment.gaussianBlur(data, size, [1, 1, 1], {}, data);
  const coarse = augment.gaussianBlur(data, size, [4, 4, 4]);
  const seg = Int16Array.from(coarse, (v) => (v > 0.03 ? 2 : v > 0.01 ? 1 : 0));
  return { data, seg };
}

async function timeOurs(patchSize, size, data, seg, parameters, samples) {
  const boxes = [];
  const where = (id) => Int32Array.from([...seg.keys()].filter((i) => seg[i] === id));
  const reader = {
    id: "memory",
    shape: [1, ...size],
    classLocations: { 1: where(1), 2: where(2) },
    async readPatch(start, box) {
      boxes.push([start, box]);
      const voxels = box[0] * box[1] * box[2];
      const out = { data: new Float32Array(voxels), seg: new Int16Array(voxels) };
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
  const labels = labelSet({
    channelNames: ["MRI"],
    labels: { background: 0, a: 1, b: 2 },
    numTraining: 1,
    fileEnding: "",
  });
  const source = augment.createBatchSource({
    cases: [reader],
    configuration: {
      patchSize,
      batchSize: 2,
      dummy2dAugmentation: false,
      useMaskForNorm: [false],
      augmentation: "paper",
    },
    labels,
    seed: 1,
    mode: "training",
    outputScales: [patchSize.map(() => 1)],
    augmentation: parameters,
  });
  // Until the engine has compiled the loops, which is nothing to a training.
  for (let i = 0, end = performance.now() + 2000; i < 40 || performance.now() < end; i++) await source.batch(0, i);
  boxes.length = 0;
  const whole = await timed(async () => {
    for (let i = 0; i < samples / 2; i++) await source.batch(1, i);
  });
  // What reading takes is left out; to look at the clock at every read would cost a tenth of a 2D sample.
  const reading = await timed(async () => {
    for (const [start, box] of boxes.splice(0)) await reader.readPatch(start, box);
  });
  return { cpu: (whole.cpu - reading.cpu) / samples, wall: (whole.wall - reading.wall) / samples };
}

/** Milliseconds of processor time and of the clock. */
async function timed(run) {
  const clock = performance.now();
  const start = process.cpuUsage();
  await run();
  const { user, system } = process.cpuUsage(start);
  return { cpu: (user + system) / 1000, wall: performance.now() - clock };
}

function runReference() {
  const python = process.env.NNUNET_PYTHON ?? "python3";
  const script = new URL("whole-set.bench.py", import.meta.url).pathname;
  const threads = { OMP_NUM_THREADS: "1", OPENBLAS_NUM_THREADS: "1", MKL_NUM_THREADS: "1" };
  const child = spawnSync(python, [script, folder], { encoding: "utf8", env: { ...process.env, ...threads } });
  if (child.status === 0) return JSON.parse(child.stdout.trim().split("\n").at(-1));
  console.log(
    `no comparison: ${child.stderr?.trim().split("\n").at(-1) ?? child.error} (NNUNET_PYTHON names a Python)`,
  );
  return undefined;
}
