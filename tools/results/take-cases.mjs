#!/usr/bin/env node
/**
 * Copies the first cases, by name, of a Medical Segmentation Decathlon task, for the small experiments of docs/results:
 *
 *   node tools/results/take-cases.mjs Task04_Hippocampus 60 first60/Task04_Hippocampus
 */
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const [task, count, target] = process.argv.slice(2);
if (!target || !(Number(count) > 0)) {
  console.error("Which? node tools/results/take-cases.mjs Task04_Hippocampus 60 first60/Task04_Hippocampus");
  process.exit(2);
}
if (existsSync(target)) {
  console.error(`${target} exists: remove it, or name another folder`);
  process.exit(3);
}
const dataset = JSON.parse(readFileSync(join(task, "dataset.json"), "utf8"));
const training = dataset.training.sort((a, b) => (a.image < b.image ? -1 : 1)).slice(0, Number(count));
if (training.length < Number(count)) {
  console.error(`${task} has ${training.length} training cases, not ${count}`);
  process.exit(3);
}
for (const folder of ["imagesTr", "labelsTr"]) mkdirSync(join(target, folder), { recursive: true });
for (const file of training.flatMap(({ image, label }) => [image, label])) {
  copyFileSync(join(task, file), join(target, file));
}
const taken = { ...dataset, training, numTraining: training.length, test: [], numTest: 0 };
writeFileSync(join(target, "dataset.json"), `${JSON.stringify(taken, null, 2)}\n`);
console.log(`${target}: ${training.length} training cases`);
