#!/usr/bin/env node
/**
 * `nnunet predict` beside `nnUNetv2_predict` itself, from reading to writing, on the CPU: the same images, the same weights
 * (an untrained network, exported both ways), default options of both. Then the network alone, by onnxruntime-node and by
 * PyTorch, and where our time goes.
 *
 *   npm run build
 *   PYTHON=…/bin/python DATA=…/shared/data node packages/pipeline/bench/against-nnunetv2.bench.mjs [cases] [rounds] [hippocampus|ct]
 *
 * PYTHON needs nnunetv2 (its commands lie beside it). DATA holds `Task04_Hippocampus` and `ct/thorax_3mm.nii.gz`. 20
 * hippocampi and 3 rounds by default: each round predicts a part of the cases by both (the one CT: again), medians over the
 * rounds are shown. Memory is that of all processes together (proportional set size, 20 times a second). Limits: twice as
 * fast, a third of the memory.
 */
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { createRandom, modelDatasetToJson } from "@nnunet/core";
import { loadModel, predictImage } from "@nnunet/inference";
import { v2CheckpointChunks, v2PlansJson } from "@nnunet/interop";
import { readImage, readStoredImage, writeImage } from "@nnunet/io";
import { defaultPlanner } from "@nnunet/planner";
import { preprocessCase } from "@nnunet/preprocess";
import { buildNetwork, initialiseWeights, writeOnnxModel } from "@nnunet/unet-model";

const python = process.env.PYTHON;
const data = process.env.DATA ?? fileURLToPath(new URL("../../../../shared/data", import.meta.url));
const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const [cases = "20", rounds = "3", only] = process.argv.slice(2);

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
const { median: _, ...each } = { min: -1000, max: 2000, mean: 50, std: 250, percentile005: -950, percentile995: 1200 };
const intensities = { ...each, median: 40 };

/** Cases like those that are predicted, for which the planner plans. */
const settings = {
  hippocampus: {
    channel: "MRI",
    shape: [36, 50, 35],
    spacing: [1, 1, 1],
    classes: 3,
    gpuMemoryGb: 8,
    images: (folder) => {
      const images = join(folder, "Task04_Hippocampus", "imagesTr");
      const names = readdirSync(images).filter((name) => /^[^.].*\.nii\.gz$/.test(name));
      return names
        .sort()
        .slice(0, Number(cases))
        .map((name) => join(images, name));
    },
  },
  ct: {
    channel: "CT",
    shape: [134, 121, 146],
    spacing: [2.5, 2.5, 2.5],
    classes: 25,
    gpuMemoryGb: 3.5,
    images: (folder) => [join(folder, "ct", "thorax_3mm.nii.gz")],
  },
};

if (!python) {
  console.log("skipped: PYTHON does not say which Python has nnunetv2");
} else {
  for (const [name, setting] of Object.entries(settings)) {
    if (only !== undefined && only !== name) continue;
    if (existsSync(join(data, "ct"))) await compare(name, setting);
    else console.log(`skipped: no images in ${data} (DATA)`);
  }
}

async function compare(name, setting) {
  const folder = mkdtempSync(join(tmpdir(), "nnunet-against-"));
  try {
    const model = makeModel(folder, setting);
    const images = setting.images(data);
    const parts = inParts(images, Number(rounds));
    const { patchSize, architecture } = model.configuration;
    console.log(
      `\n## ${name}: ${images.length} images in ${parts.length} rounds of ${parts[0].length}, ${setting.classes} classes, patch ${patchSize.join("×")}, features ${architecture.featuresPerStage.join(" ")}`,
    );

    const runs = { ours: [], theirs: [] };
    const agreeing = [];
    for (const [round, part] of parts.entries()) {
      const input = join(folder, `input_${round}`);
      mkdirSync(input);
      for (const [i, image] of part.entries()) copyFileSync(image, join(input, `case_${i}_0000.nii.gz`));
      const output = { ours: join(folder, `ours_${round}`), theirs: join(folder, `theirs_${round}`) };
      runs.ours.push(measure(ourCommand(input, output.ours, model.onnx)));
      runs.theirs.push(measure(theirCommand(input, output.theirs, model.v2)));
      for (let i = 0; i < part.length; i++) agreeing.push(await agreement(output, `case_${i}.nii.gz`));
    }
    console.log("| | wall, s | CPU, s | memory, GB |\n|---|---|---|---|");
    const of = (who, what) => median(runs[who].map((run) => run[what]));
    for (const who of ["ours", "theirs"]) {
      const row = ["wall", "cpu", "memory"].map((what) => of(who, what).toFixed(2));
      console.log(`| ${who === "ours" ? "nnunet predict" : "nnUNetv2_predict"} | ${row.join(" | ")} |`);
    }
    const ratio = (over, under, what) => median(runs[over].map((run, i) => run[what] / runs[under][i][what]));
    const ratios = { wall: ratio("theirs", "ours", "wall"), memory: ratio("ours", "theirs", "memory") };
    const cpu = ratio("theirs", "ours", "cpu");
    console.log(
      `${ratios.wall.toFixed(2)} times as fast, ${cpu.toFixed(2)} times less CPU time, ${ratios.memory.toFixed(2)} of the memory; at least ${(100 * Math.min(...agreeing)).toFixed(3)} % of the voxels of every case the same (load ${loadavg()[0].toFixed(1)})`,
    );
    if (ratios.wall < 2 || ratios.memory > 1 / 3) fail(`${name}: not twice as fast at a third of the memory`);
    await networkAlone(model, setting);
    await ownShares(model, images[0]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The images in as many parts as there are rounds; every round has all of them where they are too few to be divided. */
function inParts(images, rounds) {
  if (images.length < rounds) return Array(rounds).fill(images);
  const size = Math.ceil(images.length / rounds);
  return Array.from({ length: Math.ceil(images.length / size) }, (_, i) => images.slice(i * size, (i + 1) * size));
}

function ourCommand(input, output, onnx) {
  return [process.execPath, here("../../cli/bin/nnunet.mjs"), "predict", "-i", input, "-o", output, "-m", onnx];
}

function theirCommand(input, output, model) {
  const predict = join(dirname(python), "nnUNetv2_predict_from_modelfolder");
  return [predict, "-i", input, "-o", output, "-m", model, "-f", "0", "-device", "cpu"];
}

/** The same untrained weights as a model.onnx and as a model folder of nnU-Net v2. */
function makeModel(folder, { channel, shape, spacing, classes, gpuMemoryGb }) {
  const labels = Object.fromEntries(
    Array.from({ length: classes }, (_, i) => [i === 0 ? "background" : `label${i}`, i]),
  );
  const dataset = { channelNames: [channel], labels, numTraining: 200, fileEnding: ".nii.gz" };
  const fingerprint = {
    spacings: Array(200).fill(spacing),
    shapesAfterCrop: Array(200).fill(shape),
    foregroundIntensityPerChannel: [intensities],
    pooledForegroundIntensityPerChannel: [intensities],
    medianRelativeSizeAfterCropping: 1,
  };
  const plans = defaultPlanner.plan(fingerprint, dataset, { ruleSet: "v2", gpuMemoryGb });
  const name = "3d_fullres";
  const configuration = plans.configurations[name];
  const { architecture, patchSize } = configuration;
  const graph = buildNetwork(architecture, { inputChannels: 1, outputChannels: classes, patchSize });
  const weights = initialiseWeights(graph, createRandom(0));
  const mirrorAxes = [0, 1, 2];
  const common = { plans, dataset, configuration: name, mirrorAxes };
  const onnx = join(folder, "model.onnx");
  writeFileSync(onnx, writeOnnxModel(graph, [weights], { ...common, folds: [0], softwareVersion: "0.1.0" }));
  const v2 = join(folder, `nnUNetTrainer__nnUNetPlans__${name}`);
  mkdirSync(join(v2, "fold_0"), { recursive: true });
  const chunks = v2CheckpointChunks({ ...common, graph, weights, fold: 0, epochs: 1 });
  writeFileSync(join(v2, "fold_0", "checkpoint_final.pth"), Buffer.concat([...chunks]));
  writeFileSync(join(v2, "plans.json"), JSON.stringify(v2PlansJson(plans)));
  writeFileSync(join(v2, "dataset.json"), JSON.stringify(modelDatasetToJson(dataset)));
  return { onnx, v2, configuration, plans, dataset };
}

/** Runs a command and reports { wall, cpu } in seconds and { memory } in GB. */
function measure(command) {
  const nowhere = join(tmpdir(), "nnunet-nowhere");
  const env = { ...process.env, nnUNet_raw: nowhere, nnUNet_preprocessed: nowhere, nnUNet_results: nowhere };
  const { status, stdout, stderr } = spawnSync(python, [here("measured-command.py"), ...command], {
    encoding: "utf8",
    env,
    maxBuffer: 1e8,
  });
  const line = stdout.trim().split("\n").at(-1);
  if (status !== 0) throw new Error(`${command.join(" ")}\n${stdout}${stderr}`);
  return JSON.parse(line);
}

/** Share of the voxels that have the same label. */
async function agreement({ ours, theirs }, name) {
  const [a, b] = [await readImage(join(ours, name)), await readImage(join(theirs, name))];
  let same = 0;
  for (let i = 0; i < a.data.length; i++) if (a.data[i] === b.data[i]) same++;
  return same / a.data.length;
}

async function networkAlone({ onnx, v2, configuration: { patchSize } }, { classes }) {
  const model = await loadModel(onnx);
  const batch = Float32Array.from({ length: patchSize.reduce((a, b) => a * b) }, (_, i) => Math.sin(i * i));
  const ours = [];
  for (let run = 0; run < 8; run++) {
    const began = performance.now();
    await model.run(batch, [1, 1, ...patchSize]);
    ours.push((performance.now() - began) / 1000);
  }
  await model.dispose();
  const { status, stdout, stderr } = spawnSync(python, [here("network-alone.py"), v2, String(classes)], {
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(stderr);
  const theirs = JSON.parse(stdout.trim().split("\n").at(-1));
  const [a, b] = [median(ours.slice(1)), median(theirs.slice(1))];
  console.log(
    `network alone, one patch: onnxruntime ${a.toFixed(3)} s, PyTorch ${b.toFixed(3)} s, ratio ${(a / b).toFixed(2)}`,
  );
  if (a > b) fail("the network is slower than PyTorch");
}

/** Where the time of one case goes, in this process. */
async function ownShares({ onnx, plans, dataset }, path) {
  const seconds = async (work) => {
    const began = performance.now();
    const result = await work();
    return [result, (performance.now() - began) / 1000];
  };
  const files = { id: "case", images: [path] };
  const [model, loading] = await seconds(() => loadModel(onnx));
  let network = 0;
  const timed = {
    ...model,
    run: async (...args) => {
      const [logits, took] = await seconds(() => model.run(...args));
      network += took;
      return logits;
    },
  };
  const [image, reading] = await seconds(() => readStoredImage(files, dataset));
  const [, preprocessing] = await seconds(() => preprocessCase(image, plans, "3d_fullres", dataset));
  const [{ segmentation }, predicting] = await seconds(() => predictImage([timed], image));
  const out = join(dirname(onnx), "shares.nii.gz");
  const [, writing] = await seconds(() => writeImage(out, segmentation));
  await model.dispose();
  const rest = predicting - preprocessing - network;
  const parts = { loading, reading, preprocessing, network, "accumulating and deciding": rest, writing };
  console.log(
    `our seconds: ${Object.entries(parts)
      .map(([what, took]) => `${what} ${took.toFixed(2)}`)
      .join(", ")}`,
  );
}

function fail(text) {
  console.error(text);
  process.exitCode = 1;
}
