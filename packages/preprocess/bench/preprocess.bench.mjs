#!/usr/bin/env node
/**
 * Preprocessing real cases against the sum of the Python steps, side by side in one run; and the peak memory of a case.
 *
 *   npm run build && node packages/preprocess/bench/preprocess.bench.mjs [folder with Task04_Hippocampus and ct]
 *
 * Needs a Python with nibabel and scikit-image (PYTHON, /usr/bin/python3 or python3) for the comparison; without one,
 * or without the data, it says so and measures what is left. Seconds are CPU time, one process each.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { readCase } from "@nnunet/io";
import { preprocessCase } from "@nnunet/preprocess";

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const data = resolve(process.argv[2] ?? here("../../../../shared/data"));
const python = [process.env.PYTHON, "/usr/bin/python3", "python3"].find(
  (p) => p && spawnSync(p, ["-c", "import nibabel, skimage"]).status === 0,
);
console.log(
  `${new Date().toISOString()} · ${cpus().length} × ${cpus()[0].model} · node ${process.version} · load ${loadavg()[0].toFixed(1)}`,
);

const scheme = (order) => ({ order, orderZ: 0, forceSeparateZ: null });
const properties = { mean: 60, median: 60, std: 180, min: -1024, max: 1500, percentile005: -900, percentile995: 900 };

function makePlans(normalization, spacing) {
  return {
    transposeForward: [0, 1, 2],
    foregroundIntensityPerChannel: [properties],
    configurations: {
      bench: {
        spacing,
        normalizationSchemes: [normalization],
        useMaskForNorm: [false],
        resamplingData: scheme(3),
        resamplingSeg: scheme(1),
        normalizeBeforeResampling: true,
      },
    },
  };
}

function datasetOf(channel, classes) {
  const labels = Object.fromEntries([["background", 0], ...classes.map((c) => [`label ${c}`, c])]);
  return { channelNames: [channel], labels, numTraining: 1, fileEnding: ".nii.gz" };
}

function jobs() {
  const found = {};
  const hippocampus = join(data, "Task04_Hippocampus");
  if (existsSync(hippocampus)) {
    const names = readdirSync(join(hippocampus, "imagesTr")).filter((n) => n.endsWith(".nii.gz") && !n.startsWith("."));
    found[`hippocampus, ${names.length} cases, 1 mm, z-score`] = {
      cases: names.map((n) => [join(hippocampus, "imagesTr", n), join(hippocampus, "labelsTr", n)]),
      spacing: [1, 1, 1],
      scheme: "ZScore",
      channel: "MRI",
      classes: [1, 2],
    };
  }
  const ct = join(data, "ct/thorax_3mm.nii.gz");
  if (existsSync(ct)) {
    found["CT thorax, 3 → 2 mm, labels up to 117"] = {
      cases: [[ct, join(data, "ct/thorax_3mm_seg.nii.gz")]],
      spacing: [2, 2, 2],
      scheme: "CT",
      channel: "CT",
      classes: Array.from({ length: 117 }, (_, i) => i + 1),
    };
  }
  return found;
}

const cpuSeconds = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};

const scratch = mkdtempSync(join(tmpdir(), "preprocess-bench-"));
try {
  const all = jobs();
  if (Object.keys(all).length === 0) console.warn(`No data in ${data}: the comparison is left out.`);
  else if (!python) console.warn("No Python with nibabel and scikit-image found: our times alone.");
  for (const [i, [name, job]] of Object.entries(all).entries()) {
    const out = join(scratch, String(i));
    const started = cpuSeconds();
    let reading = 0;
    let last;
    const dataset = datasetOf(job.channel, job.classes);
    const plans = makePlans(job.scheme, job.spacing);
    for (const [image, label] of job.cases) {
      const before = cpuSeconds();
      const loaded = await readCase({ id: "case", images: [image], label }, dataset);
      reading += cpuSeconds() - before;
      last = preprocessCase(loaded, plans, "bench", dataset);
    }
    const ours = cpuSeconds() - started;
    console.log(`\n${name}\n  ours    ${ours.toFixed(2)} s (reading ${reading.toFixed(2)} s)`);
    if (!python) continue;
    const input = JSON.stringify({ [name]: { ...job, properties, out } });
    const { stdout, stderr, status } = spawnSync(python, [here("reference.py")], { input, maxBuffer: 1 << 26 });
    if (status !== 0) throw new Error(String(stderr));
    const steps = JSON.parse(String(stdout))[name];
    const theirs = Object.values(steps).reduce((a, b) => a + b, 0);
    console.log(
      `  Python  ${theirs.toFixed(2)} s (${Object.entries(steps)
        .map(([k, s]) => `${k} ${s.toFixed(2)}`)
        .join(", ")})`,
    );
    console.log(`  ratio   ${(theirs / ours).toFixed(1)}×; ${agreement(last, out)}`);
  }
  peakMemory();
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

/** How far the last case is from Python's. */
function agreement(preprocessed, out) {
  const read = (file, Type) => {
    const bytes = readFileSync(file);
    return new Type(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  };
  const image = read(`${out}.image`, Float32Array);
  const labels = read(`${out}.labels`, Int16Array);
  if (image.length !== preprocessed.data.length) throw new Error("shapes differ");
  let worst = 0;
  for (let i = 0; i < image.length; i++) worst = Math.max(worst, Math.abs(image[i] - preprocessed.data[i]));
  const different = labels.reduce((n, v, i) => n + (v === preprocessed.seg[i] ? 0 : 1), 0);
  return `largest difference ${worst.toExponential(1)}, ${different} of ${labels.length} labels`;
}

/** A case in a process of its own: its resident set at the highest against the one before the case was there. */
function peakMemory() {
  const mr = { masked: true, spacing: [1, 1, 1] };
  for (const [name, job] of [
    ["CT", { shape: [200, 512, 512], spacing: [2, 0.78, 0.78] }],
    ["CT with labels", { shape: [200, 512, 512], spacing: [2, 0.78, 0.78], labelled: true }],
    ["CT, fewer slices", { shape: [300, 400, 400], spacing: [1, 1, 1] }],
    [
      "MR, four channels, labels, same grid",
      { ...mr, shape: [155, 240, 240], target: [1, 1, 1], channels: 4, labelled: true },
    ],
    [
      "MR, two channels, turned, normalised last",
      { ...mr, shape: [320, 320, 160], target: [1.2, 0.8, 0.9], channels: 2, axes: [2, 0, 1], before: false },
    ],
    ["CT, slices across y (rare)", { shape: [160, 320, 320], spacing: [0.5, 4, 0.5], target: [0.5, 2, 0.6] }],
  ]) {
    const { stdout, stderr, status } = spawnSync(process.execPath, [here("peak-memory.mjs"), JSON.stringify(job)]);
    if (status !== 0) throw new Error(String(stderr));
    console.log(`\npeak memory: ${name}, ${job.shape.join("×")}\n  ${String(stdout).trim()}`);
  }
}
