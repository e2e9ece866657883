import { afterEach, describe, expect, test } from "@jest/globals";
import { createRandom, elementCount, type ModelMetadata, type NnunetEvent, type Shape3 } from "@nnunet/core";
import {
  gaussianImportance,
  loadModel,
  type Model,
  type PredictCaseOptions,
  patchStarts,
  predictCase,
} from "@nnunet/inference";
import { pointwise, positional, preprocessedCase, tinyMetadata, tinyModelBytes } from "./tiny-model.ts";

const open: Model[] = [];
async function model(metadata: ModelMetadata, network: Parameters<typeof tinyModelBytes>[1], outputs: number) {
  const loaded = await loadModel(tinyModelBytes(metadata, network, outputs), { threads: 1 });
  open.push(loaded);
  return loaded;
}
afterEach(async () => {
  for (const loaded of open.splice(0)) await loaded.dispose();
});

const noise = (length: number, seed = 1) => {
  const random = createRandom(seed);
  return Float32Array.from({ length }, () => random.normal());
};

// A score is a float32 sum of at most 8 patches × 8 mirrored copies × 2 models; each addition rounds a value ≤ 1 by 6e-8.
const tolerance = 128 * 6e-8;
const expectClose = (actual: Float32Array, expected: ArrayLike<number>) => {
  expect(actual.length).toBe(expected.length);
  let worst = 0;
  for (let i = 0; i < actual.length; i++) worst = Math.max(worst, Math.abs(actual[i]! - expected[i]!));
  expect(worst).toBeLessThan(tolerance);
};

const softmax = (logits: number[]) => {
  const sum = logits.reduce((total, logit) => total + Math.exp(logit), 0);
  return logits.map((logit) => Math.exp(logit) / sum);
};

describe("a network that works voxel by voxel", () => {
  const matrix = [[0.5], [1], [-2]];
  const bias = [0.1, 0, -0.3];
  const want = (image: Float32Array) => {
    const voxels = Array.from(image, (v) => softmax(matrix.map((row, k) => row[0]! * v + bias[k]!)));
    return [0, 1, 2].flatMap((k) => voxels.map((p) => p[k]!));
  };

  test.each<[string, Shape3, number[], PredictCaseOptions]>([
    ["3D, several patches per axis", [9, 11, 14], [4, 6, 8], {}],
    ["3D, smaller than the patch on all axes", [3, 5, 6], [4, 8, 8], {}],
    ["3D, smaller on one axis", [3, 20, 9], [8, 8, 8], { stepFraction: 0.3 }],
    ["3D, exactly the patch", [4, 4, 4], [4, 4, 4], { patchesPerRun: 3 }],
    ["2D, slice by slice", [5, 13, 10], [8, 8], {}],
    ["2D, smaller than the patch", [2, 5, 3], [8, 8], { gaussian: false, mirroring: false }],
  ])("comes out as if there were no patches: %s", async (_, size, patchSize, options) => {
    const metadata = tinyMetadata(patchSize);
    const network = await model(metadata, pointwise(matrix, bias, patchSize.length), 3);
    const image = noise(elementCount(size));
    const result = await predictCase([network], preprocessedCase(image, 1, size), options);
    expect(result.kind).toBe("probabilities");
    expect(result.shape).toEqual([3, ...size]);
    expectClose(result.scores, want(image));
  });

  test("with averaging of logits the scores are the logits", async () => {
    const metadata = tinyMetadata([4, 4, 4], { configuration: { averaging: "logits" } });
    const network = await model(metadata, pointwise(matrix, bias, 3), 3);
    const image = noise(6 * 5 * 7);
    const result = await predictCase([network], preprocessedCase(image, 1, [6, 5, 7]));
    expect(result.kind).toBe("logits");
    const expected = matrix.flatMap((row, k) => Array.from(image, (v) => row[0]! * v + bias[k]!));
    let worst = 0;
    for (let i = 0; i < expected.length; i++) worst = Math.max(worst, Math.abs(result.scores[i]! - expected[i]!));
    expect(worst).toBeLessThan(1e-5); // logits up to 8, so 8 times the rounding
  });

  test("regions go through a sigmoid each", async () => {
    const labels = { background: 0, whole: [1, 2], core: [2] };
    const metadata = tinyMetadata([4, 4, 4], { labels, channels: 2 });
    const network = await model(
      metadata,
      pointwise(
        [
          [1, 0],
          [0.5, -1],
        ],
        [0, 0.2],
        3,
      ),
      2,
    );
    const size: Shape3 = [5, 6, 7];
    const image = noise(2 * 210);
    const { scores } = await predictCase([network], preprocessedCase(image, 2, size));
    const sigmoid = (v: number) => 1 / (1 + Math.exp(-v));
    const first = Array.from({ length: 210 }, (_, i) => sigmoid(image[i]!));
    const second = Array.from({ length: 210 }, (_, i) => sigmoid(0.5 * image[i]! - image[210 + i]! + 0.2));
    expectClose(scores, [...first, ...second]);
  });

  test("two classes (their own path) sum to 1", async () => {
    const metadata = tinyMetadata([4, 4, 4], { labels: { background: 0, a: 1 } });
    const network = await model(metadata, pointwise([[0.5], [-1]], [0, 0.2], 3), 2);
    const image = noise(210);
    const { scores } = await predictCase([network], preprocessedCase(image, 1, [5, 6, 7]));
    const pairs = Array.from(image, (v) => softmax([0.5 * v, -v + 0.2]));
    expectClose(scores, [...pairs.map((p) => p[0]!), ...pairs.map((p) => p[1]!)]);
  });

  test("several models: the mean of their probabilities", async () => {
    const metadata = tinyMetadata([4, 4, 4], { labels: { background: 0, a: 1 } });
    const a = await model(metadata, pointwise([[0.5], [-1]], [0, 0], 3), 2);
    const b = await model({ ...metadata, folds: [1] }, pointwise([[2], [1]], [0.3, 0], 3), 2);
    const kase = preprocessedCase(noise(210), 1, [5, 6, 7]);
    const [both, onlyA, onlyB] = [
      await predictCase([a, b], kase),
      await predictCase([a], kase),
      await predictCase([b], kase),
    ];
    expectClose(
      both.scores,
      onlyA.scores.map((p, i) => (p + onlyB.scores[i]!) / 2),
    );
  });
});

describe("a network whose answer depends on the place in the patch", () => {
  /** The method once more, as slowly and plainly as possible: pads, mirrors whole arrays, keeps a weight volume. */
  function plainly(
    image: Float32Array,
    size: Shape3,
    patch: Shape3,
    factors: number[],
    classes: number,
    axes: number[],
  ) {
    const padded = size.map((n, a) => Math.max(n, patch[a]!)) as unknown as Shape3;
    const below = padded.map((n, a) => Math.floor((n - size[a]!) / 2));
    const at = (shape: readonly number[], z: number, y: number, x: number) => (z * shape[1]! + y) * shape[2]! + x;
    const volume = new Float64Array(elementCount(padded));
    forEach(size, (z, y, x) => {
      volume[at(padded, z + below[0]!, y + below[1]!, x + below[2]!)] = image[at(size, z, y, x)]!;
    });
    const weight = gaussianImportance(patch);
    const sums = new Float64Array(classes * volume.length);
    const weights = new Float64Array(volume.length);
    const masks = [...Array(8).keys()].filter((m) => [0, 1, 2].every((a) => !((m >> a) & 1) || axes.includes(a)));
    const starts = padded.map((n, a) => patchStarts(n, patch[a]!));
    for (const sz of starts[0]!)
      for (const sy of starts[1]!)
        for (const sx of starts[2]!)
          forEach(patch, (z, y, x) => {
            const target = at(padded, sz + z, sy + y, sx + x);
            const w = weight[at(patch, z, y, x)]!;
            weights[target]! += w;
            const v = volume[target]!;
            for (const mask of masks) {
              const [mz, my, mx] = [z, y, x].map((p, a) => ((mask >> a) & 1 ? patch[a]! - 1 - p : p));
              const place = at(patch, mz!, my!, mx!);
              const p = softmax(Array.from({ length: classes }, (_, k) => v * factors[k * weight.length + place]!));
              for (let k = 0; k < classes; k++) sums[k * volume.length + target]! += (w * p[k]!) / masks.length;
            }
          });
    const out: number[] = [];
    for (let k = 0; k < classes; k++)
      forEach(size, (z, y, x) => {
        const i = at(padded, z + below[0]!, y + below[1]!, x + below[2]!);
        out.push(sums[k * volume.length + i]! / weights[i]!);
      });
    return out;
  }
  function forEach(shape: readonly number[], visit: (z: number, y: number, x: number) => void) {
    for (let z = 0; z < shape[0]!; z++)
      for (let y = 0; y < shape[1]!; y++) for (let x = 0; x < shape[2]!; x++) visit(z, y, x);
  }

  test.each<[string, Shape3, number[], number[]]>([
    ["3D, all axes mirrored", [9, 10, 11], [4, 6, 8], [0, 1, 2]],
    ["3D, padded, two axes mirrored", [3, 10, 6], [4, 6, 8], [0, 2]],
    ["3D, no mirroring trained", [7, 7, 7], [4, 4, 4], []],
    ["2D, both axes mirrored", [3, 9, 10], [6, 4], [0, 1]],
    ["2D, only y mirrored", [3, 9, 10], [6, 4], [0]],
  ])("agrees with the plain method: %s", async (_, size, patchSize, mirrorAxes) => {
    const classes = 3;
    const factors = Array.from(noise(classes * elementCount(patchSize), 2));
    const network = await model(tinyMetadata(patchSize, { mirrorAxes }), positional(patchSize, factors), classes);
    const image = noise(elementCount(size));
    const flat = patchSize.length === 2;
    const patch = (flat ? [1, ...patchSize] : patchSize) as unknown as Shape3;
    const axes = mirrorAxes.map((axis) => (flat ? axis + 1 : axis));
    const expected = plainly(image, size, patch, factors, classes, axes);
    for (const patchesPerRun of [1, 5, 8]) {
      const { scores } = await predictCase([network], preprocessedCase(image, 1, size), { patchesPerRun });
      expectClose(scores, expected);
    }
  });

  test("mirroring can be switched off", async () => {
    const factors = Array.from(noise(3 * 64, 2));
    const network = await model(tinyMetadata([4, 4, 4]), positional([4, 4, 4], factors), 3);
    const image = noise(7 ** 3);
    const { scores } = await predictCase([network], preprocessedCase(image, 1, [7, 7, 7]), { mirroring: false });
    expectClose(scores, plainly(image, [7, 7, 7], [4, 4, 4], factors, 3, []));
  });
});

describe("around the computation", () => {
  const simple = (metadata = tinyMetadata([4, 4, 4])) => model(metadata, pointwise([[1], [0], [0]], [0, 0, 0], 3), 3);

  test("tells its progress, the last event is the total", async () => {
    const events: NnunetEvent[] = [];
    await predictCase([await simple()], preprocessedCase(noise(6 ** 3), 1, [6, 6, 6]), {
      onEvent: (event) => events.push(event),
      patchesPerRun: 10,
    });
    expect(events[0]).toEqual({
      type: "message",
      stage: "predict",
      level: "info",
      text: "case case_1: 64 patches (mirrored copies counted), about 0.00 GB: scores 0.00 GB, network 0.00 GB, patches 0.00 GB",
    });
    const done = events.flatMap((event) => (event.type === "progress" ? [event.done] : []));
    expect(done).toEqual([10, 20, 30, 40, 50, 60, 64]);
    expect(events.at(-1)).toEqual({ type: "progress", stage: "predict", done: 64, total: 64, item: "case_1" });
  });

  test("stops when told to", async () => {
    const controller = new AbortController();
    const running = predictCase([await simple()], preprocessedCase(noise(6 ** 3), 1, [6, 6, 6]), {
      signal: controller.signal,
      onEvent: () => controller.abort(),
      patchesPerRun: 1,
    });
    await expect(running).rejects.toThrow("prediction of case case_1: cancelled");
  });

  test("the input is left alone", async () => {
    const image = noise(6 ** 3);
    const before = image.slice();
    await predictCase([await simple()], preprocessedCase(image, 1, [6, 6, 6]));
    expect(image).toEqual(before);
  });

  test("no model, models of different trainings, data that do not fit the model, and settings outside their domain are refused", async () => {
    const network = await simple();
    const kase = preprocessedCase(noise(2 * 64), 2, [4, 4, 4]);
    await expect(predictCase([], kase)).rejects.toThrow("models: expected at least one model, got []");
    await expect(predictCase([network], kase)).rejects.toThrow(
      "preprocessed case case_1: expected shape [1,4,4,4], got [2,4,4,4]; the model needs these channels",
    );
    await expect(predictCase([network], preprocessedCase(noise(63), 1, [4, 4, 4]))).rejects.toThrow(
      "data of preprocessed case case_1: expected shape [1,4,4,4], got [63]",
    );
    const fine = preprocessedCase(noise(64), 1, [4, 4, 4]);
    await expect(predictCase([network], fine, { stepFraction: 0 })).rejects.toThrow(
      "stepFraction: expected a number in (0, 1], got 0",
    );
    await expect(predictCase([network], fine, { patchesPerRun: 0.5 })).rejects.toThrow(
      "patchesPerRun: expected a positive integer, got 0.5",
    );
    const other = await simple(tinyMetadata([4, 4, 4], { mirrorAxes: [0] }));
    await expect(predictCase([network, other], fine)).rejects.toThrow(
      'models: expected folds of one training, with the same mirror axes; predict each configuration by itself with `probabilities`, and average those with `ensemble()`, or take the final predictor, got "tiny, fold 0"',
    );
    const bad = preprocessedCase(
      Float32Array.from({ length: 64 }, (_, i) => (i === 9 ? Number.NaN : 0)),
      1,
      [4, 4, 4],
    );
    await expect(predictCase([network], bad)).rejects.toThrow(
      "model (tiny) → logits: the network gave NaN or infinite values for case case_1; its training diverged, or the image has such voxels",
    );
  });
});
