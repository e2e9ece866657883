import { expect, test } from "@jest/globals";
import { createRandom, elementCount } from "@nnunet/core";
import { cleaned, OnnxGraph, pictureOf, toBlocked, volumeSize } from "@nnunet/unet-model";
import * as ort from "onnxruntime-node";
import { imageWindowGradient } from "../src/ort/blocked/image-window-gradient.ts";
import { pairedWeightGradient, stripsOf } from "../src/ort/blocked/paired-weight-gradient.ts";
import { suitsWindows } from "../src/ort/blocked/window-products.ts";
import { windowWeightGradient } from "../src/ort/blocked/window-weight-gradient.ts";
import { chooseLowering } from "../src/ort/choose-lowering.ts";
import type { ConvolutionShape } from "../src/ort/convolution.ts";
import { planeWeightGradient } from "../src/ort/weight-gradient.ts";

const { name } = await chooseLowering(ort, "cpu");
const block = 16;
const runs = name === `blocked-${block}`;
if (!runs) console.warn("skipped: this machine's onnxruntime has no kernels for blocks of 16 channels");

const stride = [1, 1, 1];
const threes = [3, 3, 3];
const shapes: Record<string, ConvolutionShape> = {
  "of one block": { batch: 2, inChannels: 16, outChannels: 16, size: [6, 7, 9], kernel: threes, stride },
  "of several blocks": { batch: 2, inChannels: 48, outChannels: 32, size: [4, 5, 6], kernel: threes, stride },
  "of a kernel that is flat within the plane": {
    batch: 2,
    inChannels: 16,
    outChannels: 32,
    size: [5, 6, 7],
    kernel: [3, 1, 3],
    stride,
  },
  "of an image": { batch: 2, inChannels: 1, outChannels: 32, size: [9, 6, 7], kernel: threes, stride },
  "of an image with more planes than a block has channels": {
    batch: 3,
    inChannels: 2,
    outChannels: 16,
    size: [7, 6, 5],
    kernel: threes,
    stride,
  },
};

/* 2e-5 of the largest: products of size 1 in float32, summed in another order (as in convolution-lowerings). */
test.each(runs ? Object.entries(shapes) : [])("%s: the weight gradient that unfolding gives", async (_, shape) => {
  expect(suitsWindows(shape, block)).toBe(true);
  await agree(shape);
});

test("windows that are made some at a time give the same", async () => {
  if (!runs) return;
  // 32 groups of 0.3 MB of windows: 16, then the others
  await agree({ ...shapes["of one block"]!, batch: 1, size: [10, 30, 164], kernel: [3, 1, 1] }, { bytes: 1e6 });
});

test.each([
  { inChannels: 16, outChannels: 32, batch: 2, size: [4, 12, 10], strips: 1, what: "few pairs" },
  { inChannels: 16, outChannels: 32, batch: 2, size: [20, 28, 20], strips: 4, what: "planes cut into strips" },
  { inChannels: 48, outChannels: 32, batch: 1, size: [32, 12, 9], strips: 1, what: "a block of pairs" },
  {
    inChannels: 16,
    outChannels: 32,
    batch: 2,
    size: [2, 59, 60],
    strips: 2,
    what: "a row that is in no strip's plane",
  },
])("$what: the same by Winograd's four products of pairs of planes", async ({ strips, what: _, ...sizes }) => {
  const shape = { ...sizes, kernel: threes, stride };
  if (!runs) return;
  expect(stripsOf(shape, block)?.strips).toBe(strips);
  await agree(shape, { inPairs: true });
});

test("there are no strips for planes whose number is odd, or that are small, nor for one block of dy", () => {
  const shape = shapes["of several blocks"]!;
  expect(stripsOf({ ...shape, size: [8, 28, 20] }, block)).toBeDefined();
  expect(stripsOf({ ...shape, size: [8, 28, 20], outChannels: 16 }, block)).toBeUndefined();
  expect(stripsOf({ ...shape, size: [5, 20, 20] }, block)).toBeUndefined();
  expect(stripsOf({ ...shape, size: [8, 8, 8] }, block)).toBeUndefined();
});

async function agree(
  shape: ConvolutionShape,
  { bytes, inPairs = false }: { bytes?: number; inPairs?: boolean } = {},
): Promise<void> {
  const { batch, inChannels, outChannels, size, kernel } = shape;
  const random = createRandom(5, "windows");
  const onnx = new OnnxGraph("test", { joinsReshapes: true });
  const feeds = new Map<string, ort.Tensor>();
  for (const [name, channels] of [
    ["x", inChannels],
    ["dy", outChannels],
  ] as const) {
    const dims = [batch, channels, ...size];
    onnx.input(name, "float32", dims);
    const data = Float32Array.from({ length: elementCount(dims) }, () => random.normal());
    feeds.set(name, new ort.Tensor("float32", data, dims));
  }
  const volume = volumeSize(size);
  const blocked = (name: string, channels: number) =>
    cleaned(onnx, block, toBlocked(onnx, block, name, batch, channels, volume)).name;
  const dy = blocked("dy", outChannels);
  const windows =
    inChannels < block
      ? imageWindowGradient(onnx, block, shape, pictureOf(onnx, "x", batch, inChannels, volume), dy)
      : inPairs
        ? pairedWeightGradient(onnx, block, shape, stripsOf(shape, block)!, blocked("x", inChannels), dy)
        : windowWeightGradient(onnx, block, shape, blocked("x", inChannels), dy, bytes);
  const dims = [outChannels, inChannels, ...kernel];
  for (const [name, made] of [
    ["windows", windows],
    ["unfolded", planeWeightGradient(onnx, shape, "x", "dy")],
  ] as const) {
    onnx.node("Identity", [made], {}, name);
    onnx.output(name, "float32", dims);
  }
  const session = await ort.InferenceSession.create(onnx.encode(), { logSeverityLevel: 3 });
  const results = await session.run(Object.fromEntries(feeds));
  await session.release();
  const [got, expected] = [results["windows"]!.data as Float32Array, results["unfolded"]!.data as Float32Array];
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const wrong = got.reduce((most, value, i) => Math.max(most, Math.abs(value - expected[i]!)), 0);
  expect(wrong / largest).toBeLessThan(2e-5);
}
