import { afterEach, beforeEach, expect, jest, test } from "@jest/globals";

let lines: string[] = [];
beforeEach(() => {
  lines = [];
  jest.spyOn(console, "log").mockImplementation((...words) => void lines.push(...words.join(" ").split("\n")));
});
afterEach(() => {
  jest.restoreAllMocks();
});

test("import-planner.ts: ten lines from a fingerprint to a table of plans", async () => {
  await import("./import-planner.ts");
  // the paper's Table F.3, Heart (D2)
  expect(lines).toContain("patch (voxels)          320 × 256                  80 × 192 × 160");
  expect(lines).toContain("batch (patches)         40                         2");
});

test("isotropic-planner.ts: one rule replaced by wrapping", async () => {
  await import("./isotropic-planner.ts");
  expect(lines).toEqual([
    "default:       10 × 1.56 × 1.56 mm, patch 10 × 256 × 224",
    "isotropic-1mm: 1 × 1 × 1 mm, patch 48 × 240 × 208",
    "keeps to what every planner must keep to: true",
    "the patch differs because of requestedSpacing",
  ]);
});

test("plan-24gb.ts: a larger card, larger patches", async () => {
  await import("./plan-24gb.ts");
  expect(lines.slice(-2)).toEqual(["2d batchSize: 12 → 27", "3d_fullres patchSize: 40,224,224 → 56,256,256"]);
});
