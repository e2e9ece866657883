#!/usr/bin/env node
/**
 * Figure 6 of the nnU-Net paper in small: every variant of it is trained for equally many steps on sixty hippocampi, front and
 * back as one region, each case scored by a network that had not seen it, and `nnunet compare` ranks them (docs/results/figure6.md).
 *
 *   npx tsc -b && node tools/results/figure6.mjs Task04_Hippocampus figure6
 *
 * Prints every command that it runs, and writes the ranks as figure6.svg and figure6.md into the folder. What is done is kept, so that
 * it may be stopped and started again. `--dry-run` only prints. `--small` is all of it in a minute or two, every variant with two
 * steps: whether it runs, not what comes out.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

const flags = ["--dry-run", "--small"];
const [isDry, isSmall] = flags.map((flag) => process.argv.includes(flag));
const [task, target, ...more] = process.argv.slice(2).filter((word) => !flags.includes(word));
if (!target || more.length > 0) {
  console.error("Which? node tools/results/figure6.mjs Task04_Hippocampus figure6 [--small] [--dry-run]");
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
const sizes = isSmall
  ? { cases: 4, features: 2, batch: 2, epochs: 1, steps: 2, validations: 1 }
  : { cases: 60, features: 8, batch: 4, epochs: 8, steps: 200, validations: 4 };
const { cases } = sizes;
const common = Object.entries({
  "--base-features": sizes.features,
  "--batch-size": sizes.batch,
  "--epochs": sizes.epochs,
  "--iterations-per-epoch": sizes.steps,
  "--validation-iterations": sizes.validations,
}).flatMap(([option, value]) => [option, String(value)]);
const configuration = "2d";
const folds = [0, 1];
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
writePage();

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

/** The table of docs/results/figure6.md. */
function writePage() {
  if (isDry) return;
  const { status, stdout } = spawnSync(process.execPath, [cli, "compare", ...named, "--strict", "--json"], {
    cwd: target,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (status !== 0) process.exit(status);
  const { variants: ranked, cases } = JSON.parse(stdout).datasets[dataset];
  const rows = ranked.map(({ variant, mean, meanRank, ranks }) =>
    [`\`${variant}\``, mean.toFixed(4), meanRank.toFixed(2), `${Math.round(100 * ranks[0])} %`].join(" | "),
  );
  const head = ["variant | mean Dice | mean rank | first in", "---|---|---|---"];
  const page = [
    ...[...head, ...rows].map((row) => `| ${row} |`),
    "",
    `${cases} validation cases.`,
    "",
    "![Ranks](figure6.svg)",
  ];
  writeFileSync(join(target, "figure6.md"), `${page.join("\n")}\n`);
  console.log(`${join(target, "figure6.md")}: the ranks of ${rows.length} variants`);
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
