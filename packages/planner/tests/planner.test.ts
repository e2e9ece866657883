import { expect, test } from "@jest/globals";
import type { Fingerprint, Planner, PlannerOptions } from "@nnunet/core";
import { defaultPlanner, overridableParameters, plannerConformance, ruleSets } from "@nnunet/planner";
import { datasetOf, uniformFingerprint } from "./support/golden.ts";

const acdc = uniformFingerprint([5, 1.56, 1.56], [18, 237, 208], 200);
const pancreas = uniformFingerprint([2.5, 0.8, 0.8], [96, 512, 512], 282);
const plan = (fingerprint: Fingerprint, options?: PlannerOptions, dataset = datasetOf(fingerprint.spacings.length)) =>
  defaultPlanner.plan(fingerprint, dataset, options);

test("anisotropic data takes the 10th percentile of its coarsest spacing", () => {
  // ten cases: nine with 10 mm, one with 5 mm; NumPy's 10th percentile lies 0.9 of the way from 5 to 10
  const spacings = Array.from({ length: 10 }, (_, i) => [i === 0 ? 5 : 10, 1.5, 1.5] as const);
  const fingerprint = { ...uniformFingerprint([10, 1.5, 1.5], [10, 200, 200], 10), spacings };
  expect(plan(fingerprint).configurations["3d_fullres"]!.spacing).toEqual([9.5, 1.5, 1.5]);
  // not if the voxels are not anisotropic too
  const deep = { ...uniformFingerprint([10, 1.5, 1.5], [100, 200, 200], 10), spacings };
  expect(plan(deep).configurations["3d_fullres"]!.spacing).toEqual([10, 1.5, 1.5]);
  // 2D slices keep the median; the percentile is for 3D
  expect(plan(fingerprint).configurations["2d"]!.spacing).toEqual([1.5, 1.5]);
});

test("the coarsest axis never becomes finer than the axis that it is compared with", () => {
  const spacings = [0.5, 9, 9, 9, 9].map((z) => [z, 1, 2] as const);
  const fingerprint = { ...uniformFingerprint([9, 1, 2], [10, 200, 200], 5), spacings };
  const low = (ruleSet: string) => plan(fingerprint, { ruleSet }).configurations["3d_fullres"]!.spacing[0]!;
  // the 10th percentile is 3.9: above both
  expect(low("paper")).toBeCloseTo(3.9, 12);
  const finer = { ...fingerprint, spacings: [0.5, 0.5, 9, 9, 9].map((z) => [z, 1, 2] as const) };
  const lowest = (ruleSet: string) => plan(finer, { ruleSet }).configurations["3d_fullres"]!.spacing;
  expect(lowest("paper")).toEqual([1 + 1e-5, 1, 2].sort((a, b) => b - a)); // 2 mm is now the coarsest and comes first
  expect(lowest("v2")).toEqual([2 + 1e-5, 1, 2]);
});

test("puts the coarsest axis first", () => {
  const plans = plan(uniformFingerprint([0.8, 0.7, 3], [300, 310, 60], 20));
  expect(plans.transposeForward).toEqual([2, 0, 1]);
  expect(plans.transposeBackward).toEqual([1, 2, 0]);
  expect(plans.originalMedianShape).toEqual([60, 300, 310]);
  expect(plans.configurations["3d_fullres"]!.spacing).toEqual([3, 0.8, 0.7]);
});

test("normalises by the names of the channels, within the mask only where cropping removed much", () => {
  const dataset = { ...datasetOf(282, 4), channelNames: ["CT", "T2", "noNorm", "rescale_to_0_1"] };
  const fingerprint = {
    ...uniformFingerprint([2.5, 0.8, 0.8], [96, 512, 512], 282, 4),
    medianRelativeSizeAfterCropping: 0.75,
  };
  const schemes = (ruleSet: string) => plan(fingerprint, { ruleSet }, dataset).configurations["2d"]!;
  expect(schemes("paper").normalizationSchemes).toEqual(["CT", "ZScore", "NoNormalization", "Rescale0To1"]);
  expect(schemes("paper").useMaskForNorm).toEqual([false, true, false, false]); // "25 % or more"
  expect(schemes("v2").useMaskForNorm).toEqual([false, false, false, false]); // below 75 %
});

test("CT is normalised by nnU-Net v2's statistics under v2's rules, by those of all voxels under the paper's; what a fingerprint lacks is asked for, where it is needed", () => {
  const ct = datasetOf(200, 1, 1, "CT");
  const { foregroundIntensityPerChannel: drawn, pooledForegroundIntensityPerChannel: pooled, ...rest } = acdc;
  expect(drawn).not.toEqual(pooled);
  for (const ruleSet of Object.keys(ruleSets)) {
    const expected = ruleSet === "paper" ? pooled : drawn;
    expect(plan(acdc, { ruleSet }, ct).foregroundIntensityPerChannel).toEqual(expected);
    expect(plan(acdc, { ruleSet }).foregroundIntensityPerChannel).toEqual(expected);
  }
  const byPython: Fingerprint = { ...rest, foregroundIntensityPerChannel: drawn! };
  expect(plan(byPython, { ruleSet: "resenc-l" }, ct).foregroundIntensityPerChannel).toEqual(drawn);
  expect(() => plan(byPython, {}, ct)).toThrow(
    "fingerprint.pooledForegroundIntensityPerChannel: expected statistics of all foreground voxels, by which these rules normalise; nnU-Net v2 does not measure them. Measure with `fingerprint()`, or plan by the rules v2",
  );
  expect(plan(byPython).foregroundIntensityPerChannel).toEqual(drawn); // MRI is not normalised by them
  const earlier: Fingerprint = { ...rest, pooledForegroundIntensityPerChannel: pooled! };
  expect(plan(earlier, {}, ct).foregroundIntensityPerChannel).toEqual(pooled);
  expect(() => plan(earlier, { ruleSet: "v2" }, ct)).toThrow(
    "fingerprint.foregroundIntensityPerChannel: expected statistics of the voxels that nnU-Net v2 draws, equally many from every case, by which these rules normalise; an earlier nnunet-ts did not measure them. Measure anew with `fingerprint()`",
  );
  expect(() => plan(rest as Fingerprint)).toThrow(
    "fingerprint.foregroundIntensityPerChannel: expected statistics of the foreground of every channel, got undefined",
  );
});

test("a cascade where a patch shows little of the image", () => {
  const { configurations } = plan(pancreas);
  expect(Object.keys(configurations)).toEqual(["2d", "3d_lowres", "3d_fullres", "3d_cascade_fullres"]);
  const { inheritsFrom, previousConfiguration, ...cascade } = configurations["3d_cascade_fullres"]!;
  expect([inheritsFrom, previousConfiguration]).toEqual(["3d_fullres", "3d_lowres"]);
  expect(cascade).toEqual(configurations["3d_fullres"]);
  expect(configurations["3d_fullres"]!.batchDice).toBe(true);
  expect(configurations["3d_lowres"]!.batchDice).toBe(false);
  // 24 GB hold a patch that shows enough
  expect(Object.keys(plan(pancreas, { gpuMemoryGb: 24 }).configurations)).toEqual(["2d", "3d_fullres"]);
});

test("more memory: larger patch and batch", () => {
  expect(plan(acdc).configurations["3d_fullres"]).toMatchObject({ patchSize: [20, 256, 224], batchSize: 3 });
  expect(plan(acdc, { gpuMemoryGb: 24 }).configurations["3d_fullres"]).toMatchObject({
    patchSize: [20, 256, 224],
    batchSize: 7,
  });
  expect(plan(acdc, { gpuMemoryGb: 4 }).configurations["3d_fullres"]!.patchSize).toEqual([16, 224, 192]);
});

test("2D networks shrink their patch too where the minimum batch would not fit", () => {
  const cremi = uniformFingerprint([40, 4, 4], [125, 1250, 1250], 3);
  expect(plan(cremi).configurations["2d"]).toMatchObject({ patchSize: [1280, 1280], batchSize: 2 });
  const small = plan(cremi, { gpuMemoryGb: 4 }).configurations["2d"]!;
  expect(small.batchSize).toBe(2);
  expect(Math.max(...small.patchSize)).toBeLessThan(1280);
});

test("a given target spacing", () => {
  const plans = plan(acdc, { targetSpacing: [3, 2, 2] });
  expect(plans.configurations["3d_fullres"]!.spacing).toEqual([3, 2, 2]);
  expect(plans.configurations["2d"]!.spacing).toEqual([2, 2]);
});

test("blueprint parameters can be overridden by name", () => {
  const overrides = {
    baseFeatures: 16,
    maximumFeatures3d: 64,
    convsPerStage: [1, 2],
    convsPerStageDecoder: [1],
    architecture: "residual",
    leakyReluSlope: 0.2,
    norm: "batch",
    minimumBatchSize: 4,
    cascadeTrigger: 0,
    averaging: "logits",
    normalizationSchemes: ["NoNormalization"],
    plansName: "mine",
    imageOrder: 1,
  };
  const { configurations, plansName } = plan(pancreas, { overrides });
  const full = configurations["3d_fullres"]!;
  expect(Object.keys(configurations)).toEqual(["2d", "3d_fullres"]);
  expect(full.architecture).toMatchObject({ kind: "residual", leakyReluSlope: 0.2, norm: "batch" });
  expect(full.architecture.featuresPerStage.slice(0, 4)).toEqual([16, 32, 64, 64]);
  expect(full.architecture.convsPerStage.slice(0, 4)).toEqual([1, 2, 2, 2]);
  expect(new Set(full.architecture.convsPerStageDecoder)).toEqual(new Set([1]));
  expect(full).toMatchObject({ batchSize: 4, averaging: "logits", normalizationSchemes: ["NoNormalization"] });
  expect(full.resamplingData.order).toBe(1);
  expect([plansName, full.dataIdentifier]).toEqual(["mine", "mine_3d_fullres"]);
});

test("every blueprint parameter can be overridden with its own value, and changes nothing", () => {
  for (const { name: ruleSet, blueprint } of Object.values(ruleSets)) {
    expect(Object.keys(blueprint).sort()).toEqual([...overridableParameters].sort());
    expect(plan(acdc, { ruleSet, overrides: { ...blueprint } })).toEqual(plan(acdc, { ruleSet }));
  }
});

test("a replacement by wrapping keeps to the rules of planners", () => {
  const isotropic: Planner = {
    name: "isotropic-1mm",
    plan: (fingerprint, dataset, options) => ({
      ...defaultPlanner.plan(fingerprint, dataset, { ...options, targetSpacing: [1, 1, 1] }),
      planner: "isotropic-1mm",
    }),
  };
  expect(plannerConformance(isotropic, acdc, datasetOf(200))).toEqual([]);
  const broken: Planner = {
    name: "broken",
    plan: (...input) => {
      const plans = defaultPlanner.plan(...input);
      const flat = { ...plans.configurations["2d"]!, patchSize: [100, 100], batchSize: 0 };
      return { ...plans, configurations: { "2d": flat } };
    },
  };
  expect(plannerConformance(broken, acdc, datasetOf(200))).toEqual([
    "plans.json cannot be read again: plans.json → configurations.2d.batch_size: expected a positive integer, got 0",
    "2d: patch axis 0 (100) is no multiple of 32",
    "2d: axis 0 shrinks to 3.125 voxels",
    "2d: patch axis 1 (100) is no multiple of 32",
    "2d: axis 1 shrinks to 3.125 voxels",
    "2d: batch size 0",
  ]);
});

const without = (key: keyof Fingerprint, value: unknown) => ({ ...acdc, [key]: value }) as Fingerprint;
test.each<[string, () => unknown, string]>([
  [
    "no case",
    () => plan({ ...acdc, spacings: [], shapesAfterCrop: [] }, {}, datasetOf(1)),
    "fingerprint.spacings: expected at least one training case, got []",
  ],
  [
    "lengths",
    () => plan(without("shapesAfterCrop", [[1, 2, 3]])),
    "fingerprint.shapesAfterCrop: expected one shape per spacing (200), got 1",
  ],
  [
    "negative spacing",
    () => plan({ ...acdc, spacings: acdc.spacings.with(7, [5, -1, 1]) }),
    "fingerprint.spacings[7]: expected three positive numbers [z, y, x] in mm, got [5, -1, 1]",
  ],
  [
    "NaN",
    () => plan({ ...acdc, spacings: acdc.spacings.with(0, [Number.NaN, 1, 1]) }),
    "fingerprint.spacings[0]: expected three positive numbers [z, y, x] in mm, got [NaN, 1, 1]",
  ],
  [
    "a broken voxel count",
    () => plan({ ...acdc, shapesAfterCrop: acdc.shapesAfterCrop.with(2, [0, 5, 5]) }),
    "fingerprint.shapesAfterCrop[2]: expected three positive integers [z, y, x], got [0, 5, 5]",
  ],
  [
    "missing channel statistics",
    () => plan(acdc, {}, datasetOf(200, 2, 1, "CT")),
    "fingerprint.foregroundIntensityPerChannel: expected statistics of 2 channel(s), as dataset.json lists (CT, CT), got 1",
  ],
  [
    "statistics that are not numbers",
    () =>
      plan(without("foregroundIntensityPerChannel", [{ ...acdc.foregroundIntensityPerChannel![0], std: Number.NaN }])),
    "fingerprint.foregroundIntensityPerChannel[0].std: expected a finite number, got NaN",
  ],
  [
    "relative size",
    () => plan(without("medianRelativeSizeAfterCropping", 0)),
    "fingerprint.medianRelativeSizeAfterCropping: expected a fraction in (0, 1], got 0",
  ],
  [
    "no classes",
    () => plan(acdc, {}, { ...datasetOf(200), labels: { background: 0 } }),
    "dataset.labels: expected background and at least one class, got { background }",
  ],
  ["memory", () => plan(acdc, { gpuMemoryGb: -1 }), "gpuMemoryGb: expected a positive number of GB, got -1"],
  [
    "target spacing",
    () => plan(acdc, { targetSpacing: [1, 0, 1] }),
    "targetSpacing: expected three positive numbers [z, y, x] in mm, got [1, 0, 1]",
  ],
  [
    "rule set",
    () => plan(acdc, { ruleSet: "resenc" }),
    'unknown rule set "resenc"; registered: paper, v2, resenc-m, resenc-l, resenc-xl',
  ],
  [
    "an unknown parameter",
    () => plan(acdc, { overrides: { baseFeature: 16 } }),
    "overrides.baseFeature: expected a parameter of the blueprint (the nearest: baseFeatures; `overridableParameters` lists all), got 16",
  ],
  [
    "a parameter out of range",
    () => plan(acdc, { overrides: { maximumBatchFraction: 5 } }),
    "overrides.maximumBatchFraction: expected a number in (0, 1], got 5",
  ],
  [
    "too few schemes",
    () => plan(acdc, { overrides: { normalizationSchemes: ["CT", "CT"] } }),
    'overrides.normalizationSchemes: expected one scheme per channel (MRI), got ["CT", "CT"]',
  ],
  [
    "far too little memory",
    () => plan(acdc, { gpuMemoryGb: 0.00001 }),
    "gpuMemoryGb: expected at least 0.000152, for the smallest patch of 2d ([8, 4] voxels), got 0.00001",
  ],
])("is refused by name: %s", (_, act, message) => {
  let error: unknown;
  try {
    act();
  } catch (caught) {
    error = caught;
  }
  expect((error as Error)?.message).toBe(message);
});
