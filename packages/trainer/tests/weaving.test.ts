import { describe, expect, test } from "@jest/globals";
import { createRandom, elementCount } from "@nnunet/core";
import { OnnxGraph } from "@nnunet/unet-model";
import * as ort from "onnxruntime-node";
import { chooseLowering } from "../src/ort/choose-lowering.ts";
import { blockedWeaving, transposedWeaving, type Weaving, type WovenGrid } from "../src/ort/weaving.ts";

const { name: best } = await chooseLowering(ort, "cpu");
const weavings: Record<string, Weaving> = { transposed: transposedWeaving };
if (best.startsWith("blocked")) weavings[best] = blockedWeaving(Number(best.split("-")[1]));
else console.warn("skipped: this machine's onnxruntime has no channel-blocked kernels");

const grids: Record<string, WovenGrid> = {
  "2×2×2": { batch: 2, channels: 16, size: [3, 5, 4], stride: [2, 2, 2] },
  "1×2×2": { batch: 1, channels: 32, size: [4, 3, 7], stride: [1, 2, 2] },
  "3×1×2": { batch: 2, channels: 16, size: [2, 3, 4], stride: [3, 1, 2] },
  "2D 2×2": { batch: 3, channels: 32, size: [5, 7], stride: [2, 2] },
  "2D 1×4": { batch: 1, channels: 16, size: [5, 7], stride: [1, 4] },
};

describe.each(Object.entries(weavings))("%s weaving", (_, weaving) => {
  test.each(Object.entries(grids))("%s: tap t of voxel v goes to stride·v + t, and comes back", async (_, grid) => {
    const taps = elementCount(grid.stride);
    const random = createRandom(1, "weaving");
    const length = grid.batch * grid.channels * taps * elementCount(grid.size);
    const y = Float32Array.from({ length }, () => random.normal());
    const { woven, back } = await run(weaving, grid, y);
    expect(woven).toEqual(expected(weaving.group, grid, y));
    expect(back).toEqual(y);
  });
});

async function run(weaving: Weaving, grid: WovenGrid, y: Float32Array) {
  const onnx = new OnnxGraph("weaving");
  const shape = [grid.batch, grid.channels * elementCount(grid.stride), ...grid.size];
  const woven = weaving.weave(onnx, grid, onnx.input("y", "float32", shape));
  const results = { woven, back: weaving.separate(onnx, grid, woven) };
  for (const [name, value] of Object.entries(results)) {
    onnx.node("Reshape", [value, onnx.integers([-1])], {}, name);
    onnx.output(name, "float32", [y.length]);
  }
  const session = await ort.InferenceSession.create(onnx.encode(), { logSeverityLevel: 3 });
  const run = await session.run({ y: new ort.Tensor("float32", y, shape) });
  await session.release();
  return { woven: run["woven"]!.data as Float32Array, back: run["back"]!.data as Float32Array };
}

/** The definition, voxel by voxel; channels and taps of y are ordered [channels / group, taps, group]. */
function expected(group: number, { batch, channels, size, stride }: WovenGrid, y: Float32Array): Float32Array {
  const three = (axes: readonly number[]) => [...new Array<number>(3 - axes.length).fill(1), ...axes] as const;
  const [d, h, w] = three(size) as [number, number, number];
  const [sz, sy, sx] = three(stride) as [number, number, number];
  const taps = sz * sy * sx;
  const fine = new Float32Array(y.length);
  for (let at = 0; at < y.length; at++) {
    const x0 = at % w;
    const y0 = Math.floor(at / w) % h;
    const z0 = Math.floor(at / (w * h)) % d;
    const row = Math.floor(at / (w * h * d)) % (channels * taps);
    const sample = Math.floor(at / (w * h * d * channels * taps));
    const channel = Math.floor(row / (group * taps)) * group + (row % group);
    const tap = Math.floor(row / group) % taps;
    const z = z0 * sz + Math.floor(tap / (sy * sx));
    const v = y0 * sy + (Math.floor(tap / sx) % sy);
    const u = x0 * sx + (tap % sx);
    fine[(((sample * channels + channel) * d * sz + z) * h * sy + v) * w * sx + u] = y[at]!;
  }
  expect(batch * channels * taps * d * h * w).toBe(y.length);
  return fine;
}
