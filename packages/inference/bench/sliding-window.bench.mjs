#!/usr/bin/env node
/**
 * What the sliding window costs beside the network: wall time of `predictCase` against the sum of the times inside
 * `session.run`, in the same run. Stated limit: 20 % with a U-Net of 32 features on a CPU.
 *
 *   npx tsc -b packages/inference packages/unet-model && node packages/inference/bench/sliding-window.bench.mjs
 */
import { cpus } from "node:os";
import { predictCase } from "@nnunet/inference";
import { noiseCase, randomModel } from "./random-model.mjs";

const settings = [
  // the full width of the paper, a narrow network for slow machines, many classes, and a 2D network
  {
    name: "3D, 32 features",
    patchSize: [40, 56, 40],
    features: 32,
    classes: 3,
    size: [40, 56, 60],
    averaging: "probabilities",
  },
  {
    name: "3D, 16 features",
    patchSize: [40, 56, 40],
    features: 16,
    classes: 3,
    size: [40, 56, 60],
    averaging: "probabilities",
  },
  {
    name: "3D, 16 features, 14 classes",
    patchSize: [40, 56, 40],
    features: 16,
    classes: 14,
    size: [40, 56, 60],
    averaging: "probabilities",
  },
  {
    name: "3D, 16 features, logits",
    patchSize: [40, 56, 40],
    features: 16,
    classes: 3,
    size: [40, 56, 60],
    averaging: "logits",
  },
  {
    name: "2D, 32 features",
    patchSize: [128, 128],
    features: 32,
    classes: 3,
    size: [4, 150, 150],
    averaging: "probabilities",
  },
  {
    name: "2D, 32 features, small",
    patchSize: [56, 40],
    features: 32,
    classes: 3,
    size: [24, 60, 50],
    averaging: "probabilities",
  },
];

console.log(
  `${cpus()[0].model}, ${cpus().length} cores, Node ${process.version}, ${new Date().toISOString().slice(0, 10)}`,
);
console.log("network                       patches × copies   per run   wall s   network s   overhead");
let worst = 0;
for (const setting of settings) {
  const model = await randomModel(setting);
  const runs = process.argv[2] ? [Number(process.argv[2])] : [undefined];
  for (const patchesPerRun of runs) {
    let inside = 0;
    let perRun = 0;
    const timed = {
      ...model,
      run: async (batch, shape) => {
        const start = performance.now();
        const output = await model.run(batch, shape);
        inside += performance.now() - start;
        perRun = Math.max(perRun, shape[0]);
        return output;
      },
    };
    const preprocessed = noiseCase(setting.size);
    let total = 0;
    const onEvent = (event) => (total = event.total);
    const predict = () => predictCase([timed], preprocessed, { onEvent, ...(patchesPerRun ? { patchesPerRun } : {}) });
    await model.run(new Float32Array(setting.patchSize.reduce((a, b) => a * b)), [1, 1, ...setting.patchSize]); // warm
    const start = performance.now();
    await predict();
    const wall = performance.now() - start;
    const overhead = (wall - inside) / inside;
    worst = Math.max(worst, overhead);
    console.log(
      `${setting.name.padEnd(29)} ${String(total).padStart(16)} ${String(perRun).padStart(9)} ${(wall / 1000).toFixed(2).padStart(8)} ${(inside / 1000).toFixed(2).padStart(11)} ${`${(100 * overhead).toFixed(1)} %`.padStart(10)}`,
    );
  }
  await model.dispose();
}
console.log(`worst overhead ${(100 * worst).toFixed(1)} %, limit 20 %`);
process.exitCode = worst <= 0.2 ? 0 : 1;
