import { expect, test } from "@jest/globals";
import type { Fingerprint, Shape3, Spacing } from "@nnunet/core";
import { compareFingerprints } from "@nnunet/fingerprint";

function fingerprint(spacing: Spacing, shape: Shape3, cases: number, own: Partial<Fingerprint> = {}): Fingerprint {
  const statistics = { mean: 1, median: 1, std: 1, min: 0, max: 2, percentile005: 0, percentile995: 2 };
  return {
    spacings: Array.from({ length: cases }, () => spacing),
    shapesAfterCrop: Array.from({ length: cases }, () => shape),
    foregroundIntensityPerChannel: [statistics],
    medianRelativeSizeAfterCropping: 1,
    ...own,
  };
}

// rows of the paper's Table A.1
const datasets = {
  Hippocampus: fingerprint([1, 1, 1], [36, 50, 35], 260, {
    numberOfClasses: 2,
    modalities: ["MRI"],
    classRatios: { "0": 0.94, "1": 0.033, "2": 0.027 },
  }),
  Prostate: fingerprint([3.6, 0.62, 0.62], [20, 320, 319], 32, { numberOfClasses: 2, modalities: ["MRI", "MRI"] }),
  Liver: fingerprint([1, 0.77, 0.77], [432, 512, 512], 131),
};
const comparison = compareFingerprints(datasets);

test("a table with one column per dataset", () => {
  expect(comparison.table.split("\n")).toEqual([
    "                               Hippocampus  Prostate  Liver",
    "modality                       MRI          MRI       unknown",
    "training cases                 260          32        131",
    "channels                       1            1         1",
    "classes                        2            2         –",
    "rarest class, share of voxels  0.027        –         –",
    "size z, voxels                 36           20        432",
    "size y, voxels                 50           320       512",
    "size x, voxels                 35           319       512",
    "spacing z, mm                  1            3.6       1",
    "spacing y, mm                  1            0.62      0.77",
    "spacing x, mm                  1            0.62      0.77",
    "anisotropy of spacing          1            5.81      1.3",
    "size after / before cropping   1            1         1",
  ]);
});

test("z-scores have mean 0 and standard deviation 1, or are 0 where all are alike", () => {
  for (const { property, zScores } of comparison.properties) {
    const known = zScores.filter((z) => z !== undefined);
    const mean = known.reduce((sum, z) => sum + z, 0) / known.length;
    const variance = known.reduce((sum, z) => sum + z * z, 0) / known.length;
    expect([property, Math.abs(mean) < 1e-12]).toEqual([property, true]);
    expect([property, known.every((z) => z === 0) || Math.abs(variance - 1) < 1e-12]).toEqual([property, true]);
  }
  expect(comparison.properties.find((p) => p.property === "channels")!.zScores).toEqual([0, 0, 0]);
});

test("the drawing has one mark per known value and one per dataset in the legend", () => {
  const known = comparison.properties.flatMap(({ values }) => values).filter((v) => v !== undefined);
  expect(comparison.svg.match(/<circle/g)).toHaveLength(known.length + 3);
  expect(comparison.svg).not.toMatch(/NaN|undefined/);
  const many = Object.fromEntries(
    Array.from({ length: 19 }, (_, i) => [`D${i} <&>`, fingerprint([1, 1, 1 + i], [9, 9, 9], 1 + i)]),
  );
  expect(compareFingerprints(many).svg.match(/<rect x/g)!.length).toBeGreaterThan(11);
  expect(compareFingerprints(many).svg).not.toContain("<&");
});

test("one dataset is fine, none is not", () => {
  expect(compareFingerprints({ one: datasets.Liver }).properties.every(({ zScores }) => (zScores[0] ?? 0) === 0)).toBe(
    true,
  );
  expect(() => compareFingerprints({})).toThrow("fingerprints: expected at least one, got []");
});
