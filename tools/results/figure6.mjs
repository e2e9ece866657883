#!/usr/bin/env node
/**
 * Figure 6 of the nnU-Net paper in small: every variant of it is trained for equally many steps on sixty hippocampi, front and
 * back as one region, each case scored by a network that had not seen it, and `nnunet compare` ranks them (docs/results/figure6.md).
 *
 *   npx tsc -b && node tools/results/figure6.mjs Task04_Hippocampus figure6
 *
 * Prints every command that it runs. What is done is kept, so that it may be stopped and started again. `--dry-run` only
 * prints.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

const isDry = process.argv.includes("--dry-run");
const [task, target] = process.argv.slice(2).filter((word) => word !== "--dry-run");
if (!target) {
  console.error("Which? node tools/results/figure6.mjs Task04_Hippocampus figure6");
  process.exit(2);
}

/** The variants of Figure 6 by name, and what each is beside what all of them have. */
const variants = {
  nnunet: [],
  ce: ["--loss", "cross-entropy"],
  topk10: ["--loss", "topk10"],
  residual: ["--set", "architecture=residual", "convsPerStage=[1]"],
  "three-convs": ["--set", "convsPerStage=[3]", "convsPerStageDecoder=[3]"],
  momentum09: ["--optimiser", "sgd,momentum=0.9"],
  adam: ["--optimiser", "adam", "--initial-learning-rate", "0.003"],
  bn: ["--set", "norm=batch"],
  "no-augmentation": ["--set", "augmentation=none"],
};
const common = [
  ...["--base-features", "8", "--batch-size", "4"],
  ...["--epochs", "8", "--iterations-per-epoch", "200", "--validation-iterations", "4"],
];
const configuration = "2d";
const folds = [0, 1];
const cases = 60;
const dataset = "Dataset004_Hippocampus";

const cli = resolve(import.meta.dirname, "../../packages/cli/bin/nnunet.mjs");
const raw = join(target, "nnUNet_raw", dataset);
const plansOf = (variant) => `nnUNetPaperPlans_${variant}`;

if (!existsSync(raw)) {
  const first = join(target, "cases", "Task04_Hippocampus");
  const take = resolve(import.meta.dirname, "take-cases.mjs");
  if (!existsSync(first)) run(process.execPath, [take, task, String(cases), first], ".");
  nnunet("convert", resolve(first));
}
asOneRegion();
halve();
nnunet("fingerprint", "4");
nnunet("plan", "4", "--keep");
nnunet("preprocess", "4", "-c", configuration);
for (const [variant, own] of Object.entries(variants))
  nnunet("plan", "4", "--keep", "--variant", variant, ...common, ...own);
// fold by fold, so that after any of them all variants have the same cases
for (const fold of folds) {
  for (const variant of Object.keys(variants)) {
    nnunet("train", "4", configuration, String(fold), "--plans", plansOf(variant), "--engine", "ort", "--update");
  }
}
const named = Object.keys(variants).map(
  (variant) => `${variant}=nnUNet_results/${dataset}/nnUNetTrainer__${plansOf(variant)}__${configuration}`,
);
nnunet("compare", ...named, "--strict", "--draw", "figure6.svg", "--overwrite");

/** In so few steps the plain recipe has not learnt yet to tell the front of a hippocampus from its back. */
function asOneRegion() {
  const path = join(raw, "dataset.json");
  if (isDry) return;
  const dataset = JSON.parse(readFileSync(path, "utf8"));
  const labels = { background: 0, hippocampus: [1, 2] };
  writeFileSync(path, `${JSON.stringify({ ...dataset, labels, regions_class_order: [1] }, null, 2)}\n`);
}

/** Two halves of the cases, every other one in each: two folds. A division that is there is kept. */
function halve() {
  const path = join(raw, "splits_final.json");
  if (isDry || existsSync(path)) return;
  const ids = readdirSync(join(raw, "labelsTr"))
    .filter((name) => name.endsWith(".nii.gz"))
    .map((name) => name.slice(0, -".nii.gz".length))
    .sort();
  const half = (part) => ids.filter((_, i) => i % folds.length === part);
  const splits = folds.map((fold) => ({ train: half(1 - fold), val: half(fold) }));
  writeFileSync(path, `${JSON.stringify(splits, null, 2)}\n`);
}

function nnunet(...words) {
  run(process.execPath, [cli, ...words], target, `nnunet ${words.join(" ")}`);
}

function run(program, words, cwd, shown = `node ${words.join(" ")}`) {
  console.log(`$ ${shown}`);
  if (isDry) return;
  mkdirSync(cwd, { recursive: true });
  const { status, signal } = spawnSync(program, words, { cwd, stdio: "inherit" });
  if (status !== 0) {
    console.error(`stopped at: ${shown}; run this again to go on`);
    process.exit(signal ? 130 : status);
  }
}
