#!/usr/bin/env node
/**
 * How long an embedded predictor keeps its caller's thread from other work: for a volume that is copied, for a file and
 * the writing of its segmentation as a server does it, and beside them the same prediction in the caller's thread.
 * Limit: 50 ms. A thread that does nothing is watched at the same time: what it was late, the machine was.
 *
 *   npx tsc -b && node packages/pipeline/bench/embedded-predictor.bench.mjs
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { isMainThread, parentPort, Worker } from "node:worker_threads";
import { axisAlignedGeometry, createVolume } from "@nnunet/core";
import { predictImage } from "@nnunet/inference";
import { writeImage } from "@nnunet/io";
import { createPredictor, loadPredictor } from "@nnunet/pipeline";

const LIMIT = 50;
const model = fileURLToPath(new URL("../../interop/tests/fixtures/models/plain-3d-two-folds/model", import.meta.url));
const shape = [1, 128, 320, 320];
const how = { mirroring: false, stepFraction: 1 };

/** Begins to watch how late this thread's timers come; the returned function ends it: milliseconds at worst. */
function watch() {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  return () => {
    delay.disable();
    return delay.max / 1e6;
  };
}

if (isMainThread) await main();
else {
  let end;
  parentPort.on("message", () => {
    if (end) parentPort.postMessage(end());
    end = end ? undefined : watch();
  });
}

async function main() {
  const idle = new Worker(new URL(import.meta.url));
  const scratch = await mkdtemp(join(tmpdir(), "nnunet-bench-"));
  try {
    const voxels = Float64Array.from({ length: 128 * 320 * 320 }, (_, i) => Math.sin(i));
    const volume = createVolume(voxels, shape, axisAlignedGeometry([1, 1, 1]));
    const file = join(scratch, "image.nii.gz");
    const int16 = Int16Array.from(voxels, (value) => 1000 * value);
    await writeImage(file, createVolume(int16, shape, volume.geometry));

    const predictor = await createPredictor(model, how);
    await predictor.predict(createVolume(voxels.slice(0, 32 ** 3), [1, 32, 32, 32], volume.geometry)); // warm
    const ofVolume = await measured(idle, "a volume, copied", () => predictor.predict(volume));
    const ofFile = await measured(idle, "a file, its segmentation written", async () => {
      const { segmentation } = await predictor.predict(file);
      await writeImage(join(scratch, "segmentation.nii.gz"), segmentation);
    });
    await predictor.dispose();

    const { members, dispose } = await loadPredictor(model);
    const float32 = createVolume(Float32Array.from(voxels), shape, volume.geometry);
    await measured(idle, "in the caller's thread", () =>
      predictImage(members[0].models, { id: "volume", image: float32 }, how),
    );
    await dispose();

    const kept = Math.max(ofVolume, ofFile) <= LIMIT;
    console.log(`limit of an embedded predictor ${LIMIT} ms: ${kept ? "kept" : "exceeded"}`);
    process.exitCode = kept ? 0 : 1;
  } finally {
    await idle.terminate();
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Milliseconds that the caller's timers came late at worst while the work went on. */
async function measured(idle, name, work) {
  await sleep(100);
  idle.postMessage("begin");
  const end = watch();
  const began = performance.now();
  await work();
  const took = performance.now() - began;
  await sleep(20);
  const block = end();
  const late = await new Promise((resolve) => {
    idle.once("message", resolve);
    idle.postMessage("end");
  });
  const ms = (value) => `${value.toFixed(0)} ms`;
  console.log(
    `${shape.slice(1).join(" × ")} voxels, ${name}: longest block ${ms(block)} of ${(took / 1000).toFixed(1)} s (a thread that does nothing: ${ms(late)})`,
  );
  return block;
}
