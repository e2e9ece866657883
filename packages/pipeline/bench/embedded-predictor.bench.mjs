#!/usr/bin/env node
/**
 * How long an embedded predictor keeps its caller's thread from other work, beside the same prediction in that thread.
 * Limit: 50 ms.
 *
 *   npx tsc -b && node packages/pipeline/bench/embedded-predictor.bench.mjs
 */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { axisAlignedGeometry, createVolume } from "@nnunet/core";
import { predictImage } from "@nnunet/inference";
import { createPredictor, loadPredictor } from "@nnunet/pipeline";

const LIMIT = 50;
const model = fileURLToPath(new URL("../../interop/tests/fixtures/models/plain-3d-two-folds/model", import.meta.url));
const shape = [1, 96, 320, 320];
const voxels = Float32Array.from({ length: 96 * 320 * 320 }, (_, i) => Math.sin(i));
const volume = createVolume(voxels, shape, axisAlignedGeometry([1, 1, 1]));

/** Milliseconds that timers came late at worst, and those that the work took. */
async function longestBlock(work) {
  await sleep(100);
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const began = performance.now();
  await work();
  const took = performance.now() - began;
  await sleep(20);
  delay.disable();
  return { block: delay.max / 1e6, took };
}

const predictor = await createPredictor(model, { mirroring: false });
await predictor.predict(createVolume(voxels.slice(0, 32 ** 3), [1, 32, 32, 32], volume.geometry)); // warm
const embedded = await longestBlock(() => predictor.predict(volume));
await predictor.dispose();

const { members, dispose } = await loadPredictor(model);
const here = await longestBlock(() =>
  predictImage(members[0].models, { id: "volume", image: volume }, { mirroring: false }),
);
await dispose();

const show = ({ block, took }) => `longest block ${block.toFixed(0)} ms of ${(took / 1000).toFixed(1)} s`;
console.log(`${shape.slice(1).join(" × ")} voxels, embedded: ${show(embedded)}; in the caller's thread: ${show(here)}`);
console.log(`limit ${LIMIT} ms: ${embedded.block <= LIMIT ? "kept" : "exceeded"}`);
process.exitCode = embedded.block <= LIMIT ? 0 : 1;
