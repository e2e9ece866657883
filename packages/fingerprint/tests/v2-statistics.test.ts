import { readFileSync } from "node:fs";
import { expect, test } from "@jest/globals";
import {
  axisAlignedGeometry,
  createVolume,
  type DatasetJson,
  fingerprintToJson,
  type IntensityProperties,
  type LoadedCase,
  type Shape3,
} from "@nnunet/core";
import { combineMeasurements, measureCase, mergeMeasurements } from "@nnunet/fingerprint";

interface SizedCase {
  shape: Shape3;
  foreground: Shape3;
  offset: number;
  seed: number;
}

type Statistics = Record<string, Record<string, number>>;
const key = "foreground_intensity_properties_per_channel";

// Made by tools/fixtures/fingerprint/v2_statistics.py with the real nnU-Net v2.
const golden: { cases: SizedCase[]; [key]: Statistics } = JSON.parse(
  readFileSync(new URL("./fixtures/v2-statistics.json", import.meta.url), "utf8"),
);

const dataset: DatasetJson = {
  channelNames: ["CT", "other"],
  labels: { background: 0, vessel: 1, tumour: 2, ignore: 3 },
  numTraining: golden.cases.length,
  fileEnding: ".nii.gz",
};

function numbers(seed: number): (below: number) => number {
  let x = seed;
  return (below) => {
    x = (Math.imul(1664525, x) + 1013904223) >>> 0;
    return (x >>> 8) % below;
  };
}

function makeCase({ shape, foreground, offset, seed }: SizedCase, index: number): LoadedCase {
  const below = numbers(seed);
  const [depth, height, width] = shape;
  const [fz, fy, fx] = foreground;
  const label = new Int16Array(depth * height * width);
  const image = new Float32Array(2 * label.length);
  for (let z = 1; z < depth - 1; z++) {
    for (let y = 1; y < height - 1; y++) {
      for (let x = 1; x < width - 1; x++) {
        const [ct, fraction, kind] = [offset + below(400) - 100, below(65536), below(7)];
        const i = (z * height + y) * width + x;
        image[i] = ct === 0 ? 1 : ct;
        image[label.length + i] = offset / 64 + fraction / 65536;
        if (z <= fz && y <= fy && x <= fx) label[i] = kind === 0 ? 3 : 1 + (kind % 2);
      }
    }
  }
  const geometry = axisAlignedGeometry([1, 1, 1]);
  return {
    id: `case_${index}`,
    image: createVolume(image, [2, ...shape], geometry),
    label: createVolume(label, [1, ...shape], geometry),
  };
}

const cases = golden.cases.map(makeCase);
const measurements = cases.map((loaded) => measureCase(loaded, dataset));
const fingerprint = combineMeasurements(measurements, dataset);

test("the statistics under nnU-Net v2's key are those that nnU-Net v2 measures: of equally many voxels of every case, drawn as it draws them, those of the ignore label among them", () => {
  const ours = (fingerprintToJson(fingerprint) as { [key]: Statistics })[key];
  for (const [channel, statistics] of Object.entries(golden[key])) {
    for (const [name, theirs] of Object.entries(statistics)) {
      // v2 sums float32 numbers; what is drawn is the same to the last voxel
      const scale = Math.max(Math.abs(theirs), statistics["std"]!);
      expect(Math.abs(ours[channel]![name]! - theirs) / scale).toBeLessThan(1e-6);
    }
  }
});

test("beside them are the statistics of all voxels of a class, which differ where foregrounds differ in size", () => {
  for (const channel of [0, 1]) {
    const all: number[] = [];
    for (const { image, label } of cases) {
      label!.data.forEach((id, i) => {
        if (id === 1 || id === 2) all.push(image.data[channel * label!.data.length + i]!);
      });
    }
    const mean = all.reduce((sum, value) => sum + value, 0) / all.length;
    const std = Math.sqrt(all.reduce((sum, value) => sum + (value - mean) ** 2, 0) / all.length);
    const pooled = fingerprint.pooledForegroundIntensityPerChannel![channel]!;
    expect(pooled.mean).toBeCloseTo(mean, 9);
    expect(pooled.std).toBeCloseTo(std, 9);
    const drawn = fingerprint.foregroundIntensityPerChannel![channel]!;
    expect(Math.abs(drawn.mean - mean)).toBeGreaterThan(std);
  }
});

test("the same bits in any order and grouping", () => {
  const statistics = (parts: typeof measurements): readonly IntensityProperties[] =>
    combineMeasurements(parts, dataset).foregroundIntensityPerChannel!;
  const [a, b, c, d] = measurements as [(typeof measurements)[0], ...typeof measurements];
  expect(statistics([d!, c!, b!, a])).toEqual(fingerprint.foregroundIntensityPerChannel);
  expect(statistics([mergeMeasurements([c!, a]), mergeMeasurements([d!, b!])])).toEqual(
    fingerprint.foregroundIntensityPerChannel,
  );
});

test("cases that were measured as those of a larger dataset, or of none, are refused", () => {
  const ofFive = measureCase(cases[0]!, { ...dataset, numTraining: 5 });
  expect(() => combineMeasurements([ofFive, ...measurements.slice(1)], dataset)).toThrow(
    "measurement of case case_0: expected 25000000 drawn voxels, as of 4 cases; measure with dataset.numTraining 4, got 20000000",
  );
  expect(() => measureCase(cases[0]!, { ...dataset, numTraining: 0 })).toThrow(
    "dataset.numTraining: expected the number of cases that are measured, got 0",
  );
});
