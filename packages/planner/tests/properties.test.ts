import { expect, test } from "@jest/globals";
import type { Decision, Fingerprint, Plans, Shape3, Spacing } from "@nnunet/core";
import { defaultPlanner, plannerConformance, ruleSets } from "@nnunet/planner";
import fc from "fast-check";
import { datasetOf, uniformFingerprint } from "./support/golden.ts";

// spacing ratios up to 100, shapes from one voxel to large, every axis the coarsest
const spacing = fc.tuple(
  ...Array.from({ length: 3 }, () => fc.double({ min: 0.1, max: 10, noNaN: true })),
) as fc.Arbitrary<[number, number, number]>;
const extent = fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 13, max: 700 }));
const shape = fc.tuple(extent, extent, extent);
const cases = fc.array(fc.tuple(spacing, shape), { minLength: 1, maxLength: 6 });

function fingerprintOf(list: [Spacing, Shape3][], channels: number): Fingerprint {
  return {
    ...uniformFingerprint([1, 1, 1], [1, 1, 1], 1, channels),
    spacings: list.map(([s]) => s),
    shapesAfterCrop: list.map(([, s]) => s),
    medianRelativeSizeAfterCropping: 0.8,
  };
}

function decision(plans: Plans, configuration: string, rule: string): Decision {
  return plans.explanation.find((d) => d.configuration === configuration && d.rule === rule)!;
}

/** What must hold for every plan of ours, beyond what holds for every planner. */
function expectSound(plans: Plans): void {
  for (const [name, configuration] of Object.entries(plans.configurations)) {
    if (name === "3d_cascade_fullres") continue;
    const { memoryEstimate, memoryBudget, minimumBatchSize } = decision(plans, name, "batch-size").inputs as Record<
      string,
      number
    >;
    expect(memoryEstimate! <= memoryBudget! || configuration.batchSize === minimumBatchSize).toBe(true);
    expect(configuration.batchSize).toBeGreaterThanOrEqual(2);
    const bottom = configuration.patchSize.map(
      (size, axis) => size / configuration.architecture.strides.reduce((product, stride) => product * stride[axis]!, 1),
    );
    expect(configuration.architecture.strides.length).toBeGreaterThan(1);
    // an axis of the data that is shorter than 4 voxels stays as it is, unpooled
    for (const [axis, edge] of bottom.entries()) {
      expect(edge).toBeGreaterThanOrEqual(Math.min(4, Math.floor(configuration.medianImageSize[axis]!)));
    }
    for (const rule of ["median-shape", "initial-patch-size", "patch-size", "network-topology", "feature-maps"]) {
      const { text, source } = decision(plans, name, rule);
      expect(text.length * source.length).toBeGreaterThan(0);
      expect(text).not.toMatch(/NaN|undefined|Infinity/);
    }
  }
}

test.each(Object.keys(ruleSets))("%s: sound and deterministic plans for any dataset", (ruleSet) => {
  fc.assert(
    fc.property(cases, fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 20 }), (list, channels, classes) => {
      const fingerprint = fingerprintOf(list, channels);
      const dataset = datasetOf(list.length, channels, classes);
      expect(plannerConformance(defaultPlanner, fingerprint, dataset, { ruleSet })).toEqual([]);
      expectSound(defaultPlanner.plan(fingerprint, dataset, { ruleSet }));
    }),
    { seed: 1, numRuns: 12 },
  );
});

test("sound plans for any memory, more memory never gives a smaller network input", () => {
  fc.assert(
    fc.property(cases, fc.double({ min: 0.05, max: 200, noNaN: true }), (list, gpuMemoryGb) => {
      const [fingerprint, dataset] = [fingerprintOf(list, 1), datasetOf(list.length)];
      const plans = defaultPlanner.plan(fingerprint, dataset, { gpuMemoryGb });
      expectSound(plans);
      const larger = defaultPlanner.plan(fingerprint, dataset, { gpuMemoryGb: gpuMemoryGb * 4 });
      const voxels = (p: Plans) => p.configurations["2d"]!.patchSize.reduce((product, n) => product * n, 1);
      expect(voxels(larger)).toBeGreaterThanOrEqual(voxels(plans));
    }),
    { seed: 2, numRuns: 20 },
  );
});

test("1 case, 10,000 cases, spacing ratio 100, one slice, fewer voxels than the minimum feature map", () => {
  const plan = (s: Spacing, n: Shape3, count: number) => {
    const plans = defaultPlanner.plan(uniformFingerprint(s, n, count), datasetOf(count));
    expectSound(plans);
    return plans;
  };
  const one = plan([1, 1, 1], [36, 50, 35], 1);
  expect(one.configurations["3d_fullres"]!.batchSize).toBe(2); // 5 % of one case is no patch at all
  const many = plan([1, 1, 1], [36, 50, 35], 10_000);
  expect(many.configurations["3d_fullres"]!.batchSize).toBe(57); // all that memory allows

  const thick = plan([50, 0.5, 0.5], [8, 512, 512], 20).configurations["3d_fullres"]!;
  // six halvings in plane until 32 mm are within a factor of 2 of 50 mm
  expect(thick.architecture.strides.slice(1, 7).every(([z]) => z === 1)).toBe(true);
  expect(thick.architecture.kernelSizes[0]).toEqual([1, 3, 3]);

  const flat = plan([1, 0.5, 0.5], [1, 400, 300], 30);
  expect(Object.keys(flat.configurations)).toEqual(["2d"]);
  expect(flat.configurations["2d"]!.patchSize).toEqual([448, 320]);

  // a U-Net needs two resolutions: the patch is enlarged, the images will be padded
  const tiny = plan([1, 1, 1], [3, 3, 3], 5).configurations["3d_fullres"]!;
  expect(tiny.patchSize).toEqual([8, 8, 8]);
  expect(tiny.architecture.strides).toEqual([
    [1, 1, 1],
    [2, 2, 2],
  ]);
  // thin data keeps its few slices; they are never halved
  const thin = plan([1, 1, 1], [3, 20, 20], 5).configurations["3d_fullres"]!;
  expect(thin.patchSize[0]).toBe(3);
  const lone = plan([1, 9, 9], [5, 5, 5], 5).configurations["3d_fullres"]!;
  expect(lone.patchSize).toEqual([5, 8, 5]);
});

test("single slices lie across axis 0, whatever their spacing says", () => {
  const plans = defaultPlanner.plan(uniformFingerprint([0.5, 2, 2], [1, 200, 300], 10), datasetOf(10));
  expect(plans.transposeForward).toEqual([0, 1, 2]);
  expect(plans.configurations["2d"]!.spacing).toEqual([2, 2]);
  const sideways = defaultPlanner.plan(uniformFingerprint([2, 2, 0.5], [200, 300, 1], 10), datasetOf(10));
  expect(sideways.transposeForward).toEqual([2, 0, 1]);
  expect(Object.keys(sideways.configurations)).toEqual(["2d"]);
});
