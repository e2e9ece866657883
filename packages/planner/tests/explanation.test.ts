import { expect, test } from "@jest/globals";
import { plansFromJson, plansToJson } from "@nnunet/core";
import {
  comparePlans,
  defaultPlanner,
  drawNetwork,
  explainPlans,
  planWarnings,
  plansTable,
  ruleSets,
} from "@nnunet/planner";
import { datasetOf, uniformFingerprint } from "./support/golden.ts";

const pancreas = uniformFingerprint([2.5, 0.8, 0.8], [96, 512, 512], 282);
const dataset = { ...datasetOf(282, 1, 2, "CT"), name: "Dataset007_Pancreas" };
const plans = defaultPlanner.plan(pancreas, dataset);

test("every step of the search for a patch is recorded with its reason", () => {
  const { rejected, inputs } = plans.explanation.find(
    (d) => d.rule === "patch-size" && d.configuration === "3d_fullres",
  )!;
  expect(rejected).toHaveLength(15);
  expect(rejected[0]).toEqual({
    alternative: [96, 512, 512],
    reason: "needs 12.25× the budget; largest axis relative to the median is axis 2 (100 %), −64",
  });
  expect(rejected.at(-1)!.reason).toBe(
    "needs 1.17× the budget; largest axis relative to the median is axis 0 (50 %), −8",
  );
  expect(inputs).toMatchObject({ initialPatchSize: [96, 512, 512], medianShape: [96, 512, 512], inputChannels: 1 });
});

test("a budget so small that the patch shrinks to nothing is told, with about what would do", () => {
  const small = uniformFingerprint([1, 1, 1], [36, 50, 35], 200);
  const described = datasetOf(200);
  expect(planWarnings(defaultPlanner.plan(small, described), small, described)).toEqual([]);
  const tiny = defaultPlanner.plan(small, described, { gpuMemoryGb: 0.001 });
  expect(planWarnings(tiny, small, described)).toEqual([
    "0.001 GB are so little that the patch shrank to almost nothing (2d from 56 × 40 to 16 × 10, 3d_fullres from 40 × 56 × 40 to 5 × 8 × 5 and 3d_lowres from 10 × 12 × 10 to 5 × 8 × 5 voxels). This plan is not useful; from about 0.5 GB on no patch would have to shrink",
  ]);
  // what is advised is enough, and half of it is not
  const reductions = (gpuMemoryGb: number) =>
    defaultPlanner
      .plan(small, described, { gpuMemoryGb })
      .explanation.filter(({ rule, rejected }) => rule === "patch-size" && rejected.length > 0).length;
  expect([reductions(0.5), reductions(0.2) > 0]).toEqual([0, true]);
});

test("another number of cases than numTraining is told, with the number that counts", () => {
  const ten = uniformFingerprint([1, 1, 1], [36, 50, 35], 10);
  const twelve = datasetOf(12);
  expect(planWarnings(defaultPlanner.plan(ten, twelve), ten, twelve)).toEqual([
    `the fingerprint has 10 cases, dataset.json says numTraining 12; the batch size is reckoned with ${ruleSets["paper"]!.caseCount === "fingerprint" ? 10 : 12}. Correct numTraining, or make the fingerprint again`,
  ]);
});

test("one halving is told in the singular", () => {
  const small = uniformFingerprint([1, 1, 1], [36, 50, 35], 200);
  const text = explainPlans(defaultPlanner.plan(small, datasetOf(200), { gpuMemoryGb: 0.001 })).replace(/\s+/g, " ");
  expect(text).toContain("at 2 resolutions, halving it once down to");
  expect(text).toContain("In this halving some axes stay as they are");
  expect(text).not.toMatch(/ 1 times| 1 halvings/);
});

test("prose for a person: a chapter for each network, all rules named with their source", () => {
  const prose = explainPlans(plans);
  for (const chapter of [
    "For all images",
    "The 2D network (2d): looks at single slices",
    "The 3D network (3d_fullres): looks at volumes in full resolution",
    "The first network of the cascade (3d_lowres): looks at shrunken volumes",
    "The second network of the cascade (3d_cascade_fullres)",
    "All values",
  ]) {
    expect(prose).toContain(`${chapter}\n====`);
  }
  for (const { rule, source } of plans.explanation) expect(prose).toContain(`[rule ${rule}: ${source}]`);
  expect(prose.replace(/\s+/g, " ")).toContain(
    "96 × 512 × 512 voxels would need 12.25 times the memory, so the patch is shortened step by step, always along the axis that shows most of the typical image. After 15 steps 40 × 224 × 224 voxels fit: this needs 97.6 % of the memory and shows 7.98 % of the typical image.",
  );
  for (const line of prose
    .split("All values")[0]!
    .split("\n")
    .filter((l) => l.startsWith("  ") && !l.startsWith("  ["))) {
    expect(line.length).toBeLessThanOrEqual(100);
  }
});

test("the explanation survives plans.json, and plans without one are still shown", () => {
  const read = plansFromJson(JSON.parse(JSON.stringify(plansToJson(plans))), "plans.json");
  expect(explainPlans(read)).toBe(explainPlans(plans));
  const bare = explainPlans({ ...plans, explanation: [] });
  expect(bare).toContain("These plans carry no explanation");
  expect(bare).toContain(plansTable(plans));
});

test("the table", () => {
  const acdc = defaultPlanner.plan(uniformFingerprint([5, 1.56, 1.56], [18, 237, 208], 200), datasetOf(200, 1, 3));
  expect(plansTable(acdc).split("\n")).toEqual([
    "                        2d                     3d_fullres",
    "voxel size (mm)         1.56 × 1.56            5 × 1.56 × 1.56",
    "typical image (voxels)  237 × 208              18 × 237 × 208",
    "patch (voxels)          256 × 224              20 × 256 × 224",
    "batch (patches)         58                     3",
    "network                 U-Net                  U-Net",
    "resolutions             6                      6",
    "filters                 32 64 128 256 512 512  32 64 128 256 320 320",
    "strides                 1,1  5× 2,2            1,1,1  1,2,2  2× 2,2,2  2× 1,2,2",
    "kernels                 6× 3,3                 1,3,3  5× 3,3,3",
    "normalization           ZScore                 ZScore",
    "augmentation            paper                  paper, slice by slice",
    "Dice over               the batch              each patch",
    "input from              –                      –",
  ]);
});

test("comparing: a plan with itself, and each difference down to the input that caused it", () => {
  expect(comparePlans(plans, plans)).toEqual({ differences: [], text: "The two plans are the same." });

  const larger = defaultPlanner.plan(pancreas, dataset, { gpuMemoryGb: 24 });
  for (const { causes } of comparePlans(plans, larger).differences) {
    expect(causes.map(({ input, a, b }) => [input, a, b])).toEqual([["gpuMemoryGb", 11, 24]]);
  }
  const patch = comparePlans(plans, larger).differences.find((d) => d.field === "architecture.strides")!;
  expect(patch.causes[0]!.through).toEqual(["network-topology", "patch-size", "memory-budget"]);

  const finer = defaultPlanner.plan(uniformFingerprint([2.5, 0.7, 0.7], [96, 512, 512], 282), dataset);
  const spacing = comparePlans(plans, finer).differences.find(
    (d) => d.configuration === "2d" && d.field === "spacing",
  )!;
  expect(spacing.causes.map((cause) => cause.input)).toContain("medianSpacing");

  const v2 = comparePlans(plans, defaultPlanner.plan(pancreas, dataset, { ruleSet: "v2" }));
  expect(v2.differences.every(({ field, causes }) => field === "ruleSet" || causes.length > 0)).toBe(true);
  const statistics = v2.differences.find(({ field }) => field === "foregroundIntensityPerChannel")!;
  expect(statistics.causes).toEqual([
    { input: "intensityWeights", a: "voxels", b: "cases", through: ["normalization"] },
  ]);
  expect(v2.text).toContain(
    "2d, 3d_lowres, 3d_fullres and 3d_cascade_fullres: averaging is probabilities in the first",
  );
});

test("plans of another program are compared without causes", () => {
  const python = { ...plans, explanation: [] };
  const larger = defaultPlanner.plan(pancreas, dataset, { gpuMemoryGb: 24 });
  const { differences, text } = comparePlans(python, larger);
  expect(differences.every(({ causes }) => causes.length === 0)).toBe(true);
  expect(text).toContain("2d: batchSize is 12 in the first plan and 27 in the second.");
});

test("the drawing has a box for every convolution, and is well-formed XML", () => {
  for (const ruleSet of Object.keys(ruleSets)) {
    for (const [name, configuration] of Object.entries(
      defaultPlanner.plan(pancreas, dataset, { ruleSet }).configurations,
    )) {
      const svg = drawNetwork(configuration, { title: `${name} <of "a" & b>`, outputChannels: 3 });
      const { convsPerStage, convsPerStageDecoder } = configuration.architecture;
      const blocks = [...convsPerStage, ...convsPerStageDecoder].reduce((sum, n) => sum + n, 0);
      expect(svg.match(/kernel /g)).toHaveLength(blocks);
      expect(svg.match(/>auxiliary \(3\)</g) ?? []).toHaveLength(Math.max(0, convsPerStage.length - 3));
      expect(svg).toContain("<title>");
      expect(svg).not.toMatch(/NaN|undefined|<of/);
      // every element is opened and closed in order
      const open: string[] = [];
      for (const [, close, tag, self] of svg.matchAll(/<(\/?)([a-z]+)[^>]*?(\/?)>/g)) {
        if (close) expect(open.pop()).toBe(tag);
        else if (!self) open.push(tag!);
      }
      expect(open).toEqual([]);
    }
  }
});
