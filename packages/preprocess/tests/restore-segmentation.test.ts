import { describe, expect, test } from "@jest/globals";
import { createRandom, type LabelSet, labelSet, type Shape3 } from "@nnunet/core";
import { resampleImage, transposeVolume } from "@nnunet/kernels";
import {
  anisotropicAxis,
  preprocessCase,
  restoreProbabilities,
  restoreSegmentation,
  SegmentationRestorer,
} from "@nnunet/preprocess";
import fc from "fast-check";
import { dataset, makeCase, makePlans } from "./make-case.ts";
import { fleetingScores } from "./slabs.ts";

const labels = labelSet(dataset);
const regions = labelSet({ ...dataset, labels: { background: 0, whole: [1, 2], core: 2 }, regionsClassOrder: [1, 2] });

/** Normal noise over boxes of 9³ voxels in which one channel leads by `lead`. */
function makeScores(channels: number, [depth, height, width]: Shape3, seed: number, lead = 0, noise = 1): Float32Array {
  const random = createRandom(seed, "scores");
  const leaders = Array.from({ length: 1000 }, () => random.integer(0, channels));
  const out = new Float32Array(channels * depth * height * width);
  for (let c = 0, i = 0; c < channels; c++) {
    for (let z = 0; z < depth; z++) {
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++, i++) {
          const box = ((Math.floor(z / 9) * 7 + Math.floor(y / 9)) * 7 + Math.floor(x / 9)) % 1000;
          out[i] = noise * random.normal() + (leaders[box] === c ? lead : -lead);
        }
      }
    }
  }
  return out;
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
function wholeVolume(scores: Float32Array, shape: Shape3, out: ReturnType<typeof preprocessCase>, set: LabelSet) {
  const p = out.properties;
  const n = shape[0] * shape[1] * shape[2];
  const axis = anisotropicAxis(p.spacingAfterResampling, p.spacingAfterTranspose, null);
  const separateAxis = axis === undefined ? undefined : { axis, order: 0 as const };
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

test("tiles give bit by bit what resampling every channel as a whole gives", () => {
  fc.assert(
    fc.property(
      fc.constantFrom([0, 1, 2], [2, 0, 1], [1, 2, 0], [2, 1, 0]),
      fc.constantFrom([0.7, 0.9, 1.3], [2, 1.1, 0.8], [6, 1, 1], [1, 1, 1], [0.5, 3, 0.6]),
      fc.boolean(),
      // noise alone: everything is disputed; a lead: most tiles are decided at once; neither: all ties
      fc.constantFrom([0, 1], [0.5, 1], [5, 1], [1, 0], [0, 0]),
      fc.integer({ min: 0, max: 1000 }),
      (transpose, spacing, asRegions, [lead, noise], seed) => {
        const plans = makePlans({ spacing }, transpose);
        const out = preprocessCase(makeCase([17, 19, 24], [1, 1.1, 1.2], { margin: 1 }), plans, "test", dataset);
        const shape: Shape3 = [out.shape[1], out.shape[2], out.shape[3]];
        const set = asRegions ? regions : labels;
        const scores = makeScores(set.outputChannels, shape, seed, lead, noise);
        const scoresShape = [set.outputChannels, ...shape] as const;
        const ours = restoreSegmentation(scores, scoresShape, out.properties, plans.configurations.test!, set);
        expect(ours.data).toEqual(wholeVolume(scores, shape, out, set));
      },
    ),
    { seed: 1, numRuns: 60 },
  );
});

test("plane by plane, of scores that go as soon as they may, in strips: the same, with at most nine planes at a time", () => {
  fc.assert(
    fc.property(
      fc.constantFrom([0, 1, 2], [2, 0, 1], [1, 2, 0], [2, 1, 0]),
      fc.constantFrom([0.7, 0.9, 1.3], [2, 1.1, 0.8], [6, 1, 1], [1, 1, 1], [0.5, 3, 0.6], [0.4, 4.4, 1], [1, 0.5, 5]),
      fc.boolean(),
      fc.constantFrom([0, 1], [5, 1], [0, 0]),
      fc.integer({ min: 0, max: 1000 }),
      fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 6 }),
      fc.uniqueArray(fc.integer({ min: 1, max: 60 }), { maxLength: 4 }),
      (transpose, spacing, asRegions, [lead, noise], seed, steps, cuts) => {
        const plans = makePlans({ spacing }, transpose);
        const loaded = makeCase([17, 19, 24], [1, 1.1, 1.2], { margin: 1 });
        const {
          properties,
          shape: [, ...shape],
        } = preprocessCase(loaded, plans, "test", dataset);
        const set = asRegions ? regions : labels;
        const scoresShape = [set.outputChannels, ...shape] as const;
        const scores = makeScores(set.outputChannels, shape, seed, lead, noise);
        const configuration = plans.configurations.test!;
        const expected = restoreSegmentation(scores, scoresShape, properties, configuration, set);
        const restorer = new SegmentationRestorer(scoresShape, properties, configuration, set);
        const stripEnds = [...cuts.filter((cut) => cut < shape[1]).sort((a, b) => a - b), shape[1]];
        const { source, there } = fleetingScores(scores, scoresShape, stripEnds, 9);
        for (const step of [...steps, shape[0]]) {
          there.to = Math.min(shape[0], there.to + step);
          restorer.decide(source, there.to);
          there.from = restorer.neededAfter(there.to);
        }
        expect(restorer.segmentation.data).toEqual(expected.data);
        expect(there.from).toBe(shape[0]);
      },
    ),
    { seed: 2, numRuns: 100 },
  );
});

test("cubic scores take the way by whole channels and agree where linear and cubic must", () => {
  const order3 = { order: 3, orderZ: 0, forceSeparateZ: null };
  const plans = makePlans({ spacing: [0.5, 0.5, 0.5], resamplingProbabilities: order3 });
  const out = preprocessCase(makeCase([10, 12, 14], [1, 1, 1], { margin: 0 }), plans, "test", dataset);
  const shape: Shape3 = [out.shape[1], out.shape[2], out.shape[3]];
  const scores = makeScores(3, shape, 3, 50, 0.1);
  const back = (p: typeof plans) =>
    restoreSegmentation(scores, [3, ...shape], out.properties, p.configurations.test!, labels).data;
  const linear = back(makePlans({ spacing: [0.5, 0.5, 0.5] }));
  const differing = back(plans).reduce((n, v, i) => n + (v === linear[i] ? 0 : 1), 0);
  expect(differing / linear.length).toBeLessThan(0.15); // only where channels meet
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

  test("scores of other classes than the dataset's, and regions without an order, are refused", () => {
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
  const scores = makeScores(3, shape, 5);
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
