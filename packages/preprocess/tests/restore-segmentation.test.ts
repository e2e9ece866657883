import { describe, expect, test } from "@jest/globals";
import { createRandom, type LabelSet, labelSet, type Shape3 } from "@nnunet/core";
import { resampleImage, transposeVolume } from "@nnunet/kernels";
import { preprocessCase, restoreProbabilities, restoreSegmentation } from "@nnunet/preprocess";
import fc from "fast-check";
import { dataset, makeCase, makePlans } from "./make-case.ts";

const labels = labelSet(dataset);
const regions = labelSet({ ...dataset, labels: { background: 0, whole: [1, 2], core: 2 }, regionsClassOrder: [1, 2] });

function randomScores(channels: number, shape: Shape3, seed: number): Float32Array {
  const random = createRandom(seed, "scores");
  return Float32Array.from({ length: channels * shape[0] * shape[1] * shape[2] }, () => random.normal());
}

test("undoes preprocessing: labels come back where they were", () => {
  const loaded = makeCase([14, 16, 18], [1, 1, 1.5]);
  const plans = makePlans({ spacing: [0.75, 0.5, 0.5] }, [2, 0, 1]);
  const out = preprocessCase(loaded, plans, "test", dataset);
  const voxels = out.seg!.length;
  const scores = new Float32Array(3 * voxels);
  out.seg!.forEach((label, i) => {
    scores[Math.max(0, label) * voxels + i] = 1;
  });
  const back = restoreSegmentation(
    scores,
    [3, out.shape[1], out.shape[2], out.shape[3]],
    out.properties,
    plans.configurations.test!,
    labels,
    { kind: "probabilities" },
  );
  expect(back.shape).toEqual([1, 14, 16, 18]);
  expect(back.geometry).toBe(loaded.image.geometry);
  const wrong = back.data.reduce((n, v, i) => n + (v === loaded.label!.data[i] ? 0 : 1), 0);
  expect(wrong / back.data.length).toBeLessThan(0.005); // surface voxels, after going there and back
});

/** Every channel resampled as a whole, then decided, uncropped and turned back with the plain kernels. */
function wholeVolume(
  scores: Float32Array,
  shape: Shape3,
  out: ReturnType<typeof preprocessCase>,
  set: LabelSet,
  separateZ: boolean,
) {
  const p = out.properties;
  const n = shape[0] * shape[1] * shape[2];
  const separateAxis = separateZ ? { axis: 0, order: 0 as const } : undefined;
  const channels = Array.from({ length: set.outputChannels }, (_, c) =>
    resampleImage(scores.slice(c * n, (c + 1) * n), shape, p.shapeAfterCropping, { order: 1, separateAxis }),
  );
  const [depth, height, width] = p.shapeBeforeCropping;
  const full = new Int16Array(depth * height * width);
  channels[0]!.forEach((_, i) => {
    let label = 0;
    if (set.regions) {
      channels.forEach((v, c) => {
        if (1 / (1 + Math.exp(-v[i]!)) > 0.5) label = set.regionsClassOrder![c]!;
      });
    } else {
      for (let c = 1; c < channels.length; c++) if (channels[c]![i]! > channels[label]![i]!) label = c;
    }
    const [, h, w] = p.shapeAfterCropping;
    const [z, y, x] = [Math.floor(i / (h * w)), Math.floor(i / w) % h, i % w];
    full[((z + p.cropBox[0]![0]) * height + y + p.cropBox[1]![0]) * width + x + p.cropBox[2]![0]] = label;
  });
  const back = [0, 1, 2].map((axis) => p.transposeForward.indexOf(axis));
  return transposeVolume(full, [1, depth, height, width], back).data;
}

test("slabs give bit by bit what resampling every channel as a whole gives", () => {
  fc.assert(
    fc.property(
      fc.constantFrom([0, 1, 2], [2, 0, 1], [1, 2, 0], [2, 1, 0]),
      fc.constantFrom([0.7, 0.9, 1.3], [2, 1.1, 0.8], [6, 1, 1], [1, 1, 1]),
      fc.boolean(),
      fc.constantFrom(1, 150, 1000, 1_000_000),
      fc.integer({ min: 0, max: 1000 }),
      (transpose, spacing, asRegions, slabVoxels, seed) => {
        const plans = makePlans({ spacing }, transpose);
        const out = preprocessCase(makeCase([9, 10, 12], [1, 1.1, 1.2], { margin: 1 }), plans, "test", dataset);
        const shape: Shape3 = [out.shape[1], out.shape[2], out.shape[3]];
        const set = asRegions ? regions : labels;
        const scores = randomScores(set.outputChannels, shape, seed);
        const ours = restoreSegmentation(
          scores,
          [set.outputChannels, ...shape],
          out.properties,
          plans.configurations.test!,
          set,
          { slabVoxels },
        );
        expect(ours.data).toEqual(wholeVolume(scores, shape, out, set, spacing[0] === 6));
      },
    ),
    { seed: 1, numRuns: 60 },
  );
});

describe("deciding", () => {
  const plans = makePlans({ spacing: [1, 1, 1] });
  const out = preprocessCase(makeCase([4, 4, 4], [1, 1, 1], { margin: 0 }), plans, "test", dataset);
  const configuration = plans.configurations.test!;

  test("a tie goes to the lowest label", () => {
    const tie = new Float32Array(3 * 64).fill(1).fill(0, 0, 64);
    expect(restoreSegmentation(tie, [3, 4, 4, 4], out.properties, configuration, labels).data).toEqual(
      new Int16Array(64).fill(1),
    );
  });

  test("a later region overwrites an earlier one; exactly one half is not enough", () => {
    const scores = new Float32Array(2 * 64).fill(0.5);
    scores[0] = 0.6;
    scores[1] = 0.6;
    scores[64 + 1] = 0.7;
    const { data } = restoreSegmentation(scores, [2, 4, 4, 4], out.properties, configuration, regions, {
      kind: "probabilities",
    });
    expect([...data.slice(0, 3)]).toEqual([1, 2, 0]);
  });

  test("says what is wrong", () => {
    expect(() =>
      restoreSegmentation(new Float32Array(64), [1, 4, 4, 4], out.properties, configuration, labels),
    ).toThrow("scores: expected shape [3,4,4,4], got [1,4,4,4]; one channel per class or region");
    expect(() =>
      restoreSegmentation(new Float32Array(128), [2, 4, 4, 4], out.properties, configuration, {
        ...regions,
        regionsClassOrder: undefined,
      }),
    ).toThrow("regions_class_order: expected one label per region (2) in dataset.json, got undefined");
  });
});

test("probabilities: sum to one, agree with the segmentation, background outside the crop", () => {
  const plans = makePlans({ spacing: [0.8, 1.3, 1] }, [1, 2, 0]);
  const out = preprocessCase(makeCase([8, 9, 10], [1, 1, 1], { margin: 2 }), plans, "test", dataset);
  const shape: Shape3 = [out.shape[1], out.shape[2], out.shape[3]];
  const scores = randomScores(3, shape, 5);
  const probabilities = restoreProbabilities(scores, [3, ...shape], out.properties, plans.configurations.test!, labels);
  const segmentation = restoreSegmentation(scores, [3, ...shape], out.properties, plans.configurations.test!, labels);
  const n = 8 * 9 * 10;
  expect(probabilities.shape).toEqual([3, 8, 9, 10]);
  for (let i = 0; i < n; i++) {
    const p = [0, 1, 2].map((c) => probabilities.data[c * n + i]!);
    expect(p[0]! + p[1]! + p[2]!).toBeCloseTo(1, 6);
    expect(p[segmentation.data[i]!]).toBe(Math.max(...p));
  }
  expect([0, 1, 2].map((c) => probabilities.data[c * n])).toEqual([1, 0, 0]);
});
