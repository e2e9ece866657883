#!/usr/bin/env node
/**
 * Milliseconds of processor time to plan a dataset, the first time and once the code is warm.
 *
 *   npx tsc -b packages/planner && node packages/planner/bench/plan.bench.mjs
 */
import { cpus } from "node:os";
import { defaultPlanner } from "@nnunet/planner";

const statistics = { mean: 100, median: 99, std: 40, min: -20, max: 300, percentile005: -3, percentile995: 210 };
const datasets = {
  "hippocampus, 200 cases": [[1, 1, 1], [36, 50, 35], 200],
  "pancreas (cascade), 282 cases": [[2.5, 0.8, 0.8], [96, 512, 512], 282],
  "pancreas (cascade), 10,000 cases": [[2.5, 0.8, 0.8], [96, 512, 512], 10_000],
};

const milliseconds = (repeats, run) => {
  const before = process.cpuUsage().user;
  for (let i = 0; i < repeats; i++) run();
  return ((process.cpuUsage().user - before) / 1000 / repeats).toFixed(1);
};

console.log(`Node ${process.version}, ${cpus()[0]?.model}`);
for (const ruleSet of ["paper", "v2"]) {
  for (const [name, [spacing, shape, cases]] of Object.entries(datasets)) {
    const fingerprint = {
      spacings: Array(cases).fill(spacing),
      shapesAfterCrop: Array(cases).fill(shape),
      foregroundIntensityPerChannel: [statistics],
      medianRelativeSizeAfterCropping: 1,
    };
    const labels = { background: 0, organ: 1 };
    const dataset = { channelNames: ["CT"], labels, numTraining: cases, fileEnding: ".nii.gz" };
    const plan = () => defaultPlanner.plan(fingerprint, dataset, { ruleSet });
    const first = milliseconds(1, plan);
    milliseconds(30, plan);
    console.log(`${ruleSet.padEnd(6)} ${name.padEnd(34)} first ${first} ms, then ${milliseconds(50, plan)} ms`);
  }
}
