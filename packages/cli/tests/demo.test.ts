import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { spatialShape, type Volume } from "@nnunet/core";
import { defaultPlanner, planWarnings } from "@nnunet/planner";
import fc from "fast-check";
import { demoSeed, demoSizes } from "../src/demo/demo.ts";
import { makeDemoCase } from "../src/demo/demo-case.ts";
import { storeOriented } from "../src/demo/store-oriented.ts";
import { nnunet, withScratch } from "./run-nnunet.ts";

test("the demo never writes into a folder that is not a demo's", () =>
  withScratch(async (scratch) => {
    await writeFile(join(scratch, "thesis.txt"), "precious");
    const { code, stderr } = await nnunet("demo", "--smoke", "--output", scratch);
    expect(stderr).toBe(
      `nnunet: ${scratch}: is not empty and not a demo of nnunet; choose another folder by --output\n`,
    );
    expect(code).toBe(3);
  }));

test("the demo is of one size at a time", async () => {
  const { code, stderr } = await nnunet("demo", "--smoke", "--cascade");
  expect(stderr).toBe('nnunet: --smoke: expected one of --smoke and --cascade, got "both"\n');
  expect(code).toBe(2);
});

test("the plan of the cascade's demo has all four configurations, by options that a user has and without a warning", () => {
  const { run, trainingCases } = demoSizes.cascade;
  const images = Array.from({ length: trainingCases }, (_, index) => makeDemoCase(demoSeed, index).image);
  const fingerprint = {
    shapesAfterCrop: images.map(spatialShape),
    spacings: images.map(({ geometry }) => geometry.spacing),
    foregroundIntensityPerChannel: [{ mean: 1, median: 1, std: 1, min: 0, max: 2, percentile005: 0, percentile995: 2 }],
    medianRelativeSizeAfterCropping: 1,
  };
  const dataset = {
    channelNames: ["MRI"],
    labels: { background: 0, ball: 1, rod: 2 },
    numTraining: 15,
    fileEnding: "",
  };
  const plans = defaultPlanner.plan(fingerprint, dataset, run.planner);
  expect(Object.keys(plans.configurations)).toEqual(["2d", "3d_lowres", "3d_fullres", "3d_cascade_fullres"]);
  expect(planWarnings(plans, fingerprint, dataset)).toEqual([]);
});

test("the same seed and index give the same case, another index another", () => {
  const [a, b, c] = [makeDemoCase(1, 4), makeDemoCase(1, 4), makeDemoCase(1, 5)];
  expect(Buffer.from(a.image.data.buffer).equals(Buffer.from(b.image.data.buffer))).toBe(true);
  expect(a.image.data.slice(0, 50)).not.toEqual(c.image.data.slice(0, 50));
  expect(new Set(a.label.data)).toEqual(new Set([0, 1, 2]));
  expect(a.image.geometry.spacing[0]).toBeGreaterThan(1.5 * a.image.geometry.spacing[1]);
});

/** Where a voxel lies, x, y, z in mm: origin + direction · (index · spacing), ITK's rule. */
function place({ geometry }: Volume, [z, y, x]: readonly number[]): number[] {
  const { origin, direction, spacing } = geometry;
  const along = [x! * spacing[2], y! * spacing[1], z! * spacing[0]];
  return [0, 1, 2].map(
    (row) => origin[row]! + along.reduce((sum, a, column) => sum + direction[row * 3 + column]! * a, 0),
  );
}

test("however the axes are stored, every voxel stays at its place", () => {
  const { label } = makeDemoCase(3, 0);
  const [, nz, ny, nx] = label.shape;
  const axes = fc.constantFrom([0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]);
  const voxel = fc.tuple(fc.nat(nz - 1), fc.nat(ny - 1), fc.nat(nx - 1));
  fc.assert(
    fc.property(axes, fc.tuple(fc.boolean(), fc.boolean(), fc.boolean()), voxel, (order, reversed, at) => {
      const stored = storeOriented(label, { axes: order as [number, number, number], reversed });
      const moved = order.map((axis, k) => (reversed[k] ? label.shape[axis + 1]! - 1 - at[axis]! : at[axis]!));
      const [, , my, mx] = stored.shape;
      const index = (moved[0]! * my + moved[1]!) * mx + moved[2]!;
      expect(stored.data[index]).toBe(label.data[(at[0] * ny + at[1]) * nx + at[2]]);
      const [expected, got] = [place(label, at), place(stored, moved)];
      for (let i = 0; i < 3; i++) expect(got[i]).toBeCloseTo(expected[i]!, 9);
    }),
    { seed: 1, numRuns: 50 },
  );
});
