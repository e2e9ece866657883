import { describe, expect, test } from "@jest/globals";
import { createRandom, elementCount } from "@nnunet/core";
import { OnnxGraph } from "@nnunet/unet-model";
import * as ort from "onnxruntime-node";
import type { ConvolutionShape } from "../src/ort/convolution.ts";
import { groupedWeightGradient } from "../src/ort/grouped-weight-gradient.ts";
import { standardLowering } from "../src/ort/standard-lowering.ts";
import { gatheredWeightGradient, planeWeightGradient, tapWeightGradient } from "../src/ort/weight-gradient.ts";

const shapes: Record<string, ConvolutionShape> = {
  "3×3×3": { batch: 2, inChannels: 16, outChannels: 16, size: [10, 12, 9], kernel: [3, 3, 3], stride: [1, 1, 1] },
  "3×3×3, stride 2": {
    batch: 2,
    inChannels: 16,
    outChannels: 16,
    size: [20, 22, 20],
    kernel: [3, 3, 3],
    stride: [2, 2, 2],
  },
  "3×3×3, stride 1×2×2": {
    batch: 1,
    inChannels: 16,
    outChannels: 16,
    size: [16, 24, 24],
    kernel: [3, 3, 3],
    stride: [1, 2, 2],
  },
  "3×3×3, stride 2×1×1": {
    batch: 1,
    inChannels: 16,
    outChannels: 16,
    size: [20, 15, 15],
    kernel: [3, 3, 3],
    stride: [2, 1, 1],
  },
  "1×3×3": { batch: 2, inChannels: 16, outChannels: 16, size: [6, 14, 15], kernel: [1, 3, 3], stride: [1, 1, 1] },
  "1×3×3, stride 1×2×2": {
    batch: 1,
    inChannels: 16,
    outChannels: 16,
    size: [11, 28, 28],
    kernel: [1, 3, 3],
    stride: [1, 2, 2],
  },
  "1×3×3, stride 2 along its flat axis": {
    batch: 1,
    inChannels: 16,
    outChannels: 16,
    size: [8, 32, 32],
    kernel: [1, 3, 3],
    stride: [2, 2, 2],
  },
  "3×1×1": { batch: 1, inChannels: 16, outChannels: 16, size: [10, 15, 15], kernel: [3, 1, 1], stride: [1, 1, 1] },
  "1×1×1": { batch: 2, inChannels: 16, outChannels: 3, size: [6, 8, 9], kernel: [1, 1, 1], stride: [1, 1, 1] },
  "few channels": { batch: 2, inChannels: 1, outChannels: 4, size: [10, 12, 9], kernel: [3, 3, 3], stride: [1, 1, 1] },
  "2D 3×3": { batch: 3, inChannels: 16, outChannels: 32, size: [30, 27], kernel: [3, 3], stride: [1, 1] },
  "2D 3×3, stride 2×1": { batch: 3, inChannels: 16, outChannels: 16, size: [40, 27], kernel: [3, 3], stride: [2, 1] },
};

/*
 * Against plain loops in float64. 2e-5 relative to the largest value: float32 products of size 1 summed up to 3,000
 * times lose a few units of 6e-8.
 */
describe("standard lowering", () => {
  const lowering = standardLowering;
  test.each(Object.entries(shapes))("%s: forward and both gradients", async (_, shape) => {
    const data = makeData(shape);
    const expected = expectedOf(shape, data);
    const { y, dx, dw } = await run(shape, data, {
      y: (onnx) => lowering.forward(onnx, [{ shape, x: "x", w: "w" }], "b"),
      dx: (onnx) => lowering.inputGradient(onnx, shape, "dy", "w"),
      dw: (onnx) => lowering.weightGradient(onnx, shape, "x", "dy"),
    });
    expect(difference(y!, expected.y)).toBeLessThan(2e-5);
    expect(difference(dx!, expected.dx)).toBeLessThan(2e-5);
    expect(difference(dw!, expected.dw)).toBeLessThan(2e-5);
  });
});

test("parts of the input give what the joined input gives", async () => {
  const lowering = standardLowering;
  const whole: ConvolutionShape = { ...shapes["3×3×3"]!, inChannels: 48 };
  const data = makeData(whole);
  const channels = [16, 32];
  const split = (onnx: OnnxGraph, tensor: string) => {
    const names = channels.map(() => onnx.fresh("Split"));
    return onnx.nodeWithOutputs("Split", [tensor, onnx.integers(channels)], names, { axis: 1 });
  };
  const { joined, parted } = await run(whole, data, {
    joined: (onnx) => lowering.forward(onnx, [{ shape: whole, x: "x", w: "w" }], "b"),
    parted: (onnx) => {
      const [x, w] = [split(onnx, "x"), split(onnx, "w")];
      const part = (i: number) => ({ shape: { ...whole, inChannels: channels[i]! }, x: x[i]!, w: w[i]! });
      return lowering.forward(onnx, [part(0), part(1)], "b");
    },
  });
  expect(difference(parted!, joined!)).toBeLessThan(2e-5);
});

test.each(Object.entries(shapes))("%s: all ways to the weight gradient agree", async (_, shape) => {
  const data = makeData(shape);
  const { plane, gathered, byTap, grouped } = await run(shape, data, {
    plane: (onnx) => planeWeightGradient(onnx, shape, "x", "dy"),
    gathered: (onnx) => gatheredWeightGradient(onnx, shape, "x", "dy"),
    byTap: (onnx) => tapWeightGradient(onnx, shape, "x", "dy"),
    grouped: (onnx) => groupedWeightGradient(onnx, shape, "x", "dy"),
  });
  expect(difference(byTap!, gathered!)).toBeLessThan(2e-5);
  expect(difference(grouped!, gathered!)).toBeLessThan(2e-5);
  expect(difference(plane!, gathered!)).toBeLessThan(2e-5);
});

interface Data {
  readonly x: Float32Array;
  readonly w: Float32Array;
  readonly b: Float32Array;
  readonly dy: Float32Array;
}

const outSize = (s: ConvolutionShape) => s.size.map((n, axis) => n / s.stride[axis]!);

function makeData(s: ConvolutionShape): Data {
  const random = createRandom(3, "convolution");
  const fill = (n: number) => Float32Array.from({ length: n }, () => random.normal());
  return {
    x: fill(s.batch * s.inChannels * elementCount(s.size)),
    w: fill(s.outChannels * s.inChannels * elementCount(s.kernel)),
    b: fill(s.outChannels),
    dy: fill(s.batch * s.outChannels * elementCount(outSize(s))),
  };
}

async function run(
  s: ConvolutionShape,
  data: Data,
  build: Record<string, (onnx: OnnxGraph) => string>,
): Promise<Record<string, Float32Array>> {
  const onnx = new OnnxGraph("test");
  const dims = {
    x: [s.batch, s.inChannels, ...s.size],
    w: [s.outChannels, s.inChannels, ...s.kernel],
    b: [s.outChannels],
    dy: [s.batch, s.outChannels, ...outSize(s)],
  };
  for (const [name, shape] of Object.entries(dims)) onnx.input(name, "float32", shape);
  for (const [name, add] of Object.entries(build)) {
    onnx.node("Reshape", [add(onnx), onnx.integers([-1])], {}, name);
    onnx.output(name, "float32", ["length"]);
  }
  const session = await ort.InferenceSession.create(onnx.encode(), { logSeverityLevel: 3 });
  const feeds = Object.fromEntries(
    Object.entries(dims).map(([name, shape]) => [name, new ort.Tensor("float32", data[name as keyof Data], shape)]),
  );
  const results = await session.run(feeds);
  await session.release();
  return Object.fromEntries(Object.keys(build).map((name) => [name, results[name]!.data as Float32Array]));
}

const known = new Map<ConvolutionShape, ReturnType<typeof reference>>();

/** Computed once per shape, as the loops are slow. */
function expectedOf(shape: ConvolutionShape, data: Data): ReturnType<typeof reference> {
  const expected = known.get(shape) ?? reference(shape, data);
  known.set(shape, expected);
  return expected;
}

/** The definition, voxel by voxel. */
function reference(s: ConvolutionShape, { x, w, b, dy }: Data) {
  const out = outSize(s);
  const three = <T>(list: readonly T[], fill: T): [T, T, T] =>
    [...new Array(3 - list.length).fill(fill), ...list] as [T, T, T];
  const [D, H, W] = three(s.size, 1);
  const [d, h, wd] = three(out, 1);
  const [kd, kh, kw] = three(s.kernel, 1);
  const [sd, sh, sw] = three(s.stride, 1);
  const y = new Float64Array(dy.length);
  const dx = new Float64Array(x.length);
  const dw = new Float64Array(w.length);
  for (let n = 0; n < s.batch; n++)
    for (let co = 0; co < s.outChannels; co++)
      for (let oz = 0; oz < d; oz++)
        for (let oy = 0; oy < h; oy++)
          for (let ox = 0; ox < wd; ox++) {
            const o = (((n * s.outChannels + co) * d + oz) * h + oy) * wd + ox;
            let sum = b[co]!;
            for (let ci = 0; ci < s.inChannels; ci++)
              for (let tz = 0; tz < kd; tz++) {
                const iz = oz * sd + tz - (kd - 1) / 2;
                if (iz < 0 || iz >= D) continue;
                for (let ty = 0; ty < kh; ty++) {
                  const iy = oy * sh + ty - (kh - 1) / 2;
                  if (iy < 0 || iy >= H) continue;
                  for (let tx = 0; tx < kw; tx++) {
                    const ix = ox * sw + tx - (kw - 1) / 2;
                    if (ix < 0 || ix >= W) continue;
                    const i = (((n * s.inChannels + ci) * D + iz) * H + iy) * W + ix;
                    const t = (((co * s.inChannels + ci) * kd + tz) * kh + ty) * kw + tx;
                    sum += x[i]! * w[t]!;
                    dx[i]! += dy[o]! * w[t]!;
                    dw[t]! += dy[o]! * x[i]!;
                  }
                }
              }
            y[o] = sum;
          }
  return { y, dx, dw };
}

function difference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(actual.length).toBe(expected.length);
  let scale = 0;
  let largest = 0;
  for (let i = 0; i < actual.length; i++) {
    scale = Math.max(scale, Math.abs(expected[i]!));
    largest = Math.max(largest, Math.abs(actual[i]! - expected[i]!));
  }
  return largest / scale;
}
