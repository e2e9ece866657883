#!/usr/bin/env node
/**
 * Peak memory of `predictCase` against what `estimateMemory` said before: a large case with few and with many classes,
 * each in a process of its own. Limit: the measured growth stays below the estimate plus 150 MB (Node's own heap).
 *
 *   npx tsc -b packages/inference packages/unet-model && node packages/inference/bench/memory.bench.mjs
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describeMemory, estimateMemory, predictCase } from "@nnunet/inference";
import { noiseCase, randomModel } from "./random-model.mjs";

const settings = [
  { patchSize: [64, 64, 64], features: 8, classes: 3, size: [192, 192, 192], averaging: "probabilities" },
  { patchSize: [64, 64, 64], features: 8, classes: 24, size: [192, 192, 192], averaging: "probabilities" },
  { patchSize: [96, 96, 96], features: 16, classes: 3, size: [96, 96, 96], averaging: "probabilities" },
];
const chosen = process.argv[2];
if (chosen === undefined) {
  for (const index of settings.keys()) {
    const child = spawnSync(process.execPath, [fileURLToPath(import.meta.url), String(index)], { stdio: "inherit" });
    process.exitCode ||= child.status ?? 1;
  }
} else {
  const setting = settings[Number(chosen)];
  const model = await randomModel(setting);
  const preprocessed = noiseCase(setting.size);
  globalThis.gc?.();
  const before = process.memoryUsage().rss;
  const estimate = estimateMemory(model.metadata, preprocessed.shape, { answersInParts: model.answersInParts });
  await predictCase([model], preprocessed, { mirroring: false, stepFraction: 1 });
  const growth = process.resourceUsage().maxRSS * 1024 - before;
  const within = growth <= estimate.total + 150e6;
  console.log(
    `${setting.size.join("×")} voxels, ${setting.classes} classes, patch ${setting.patchSize.join("×")}: ` +
      `estimated ${describeMemory(estimate)}; measured ${(growth / 1e9).toFixed(2)} GB${within ? "" : ", above the limit"}`,
  );
  process.exitCode = within ? 0 : 1;
}
