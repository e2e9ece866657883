import { expect, test } from "@jest/globals";
import {
  axisAlignedGeometry,
  createRandom,
  createVolume,
  type DatasetJson,
  fingerprintFromJson,
  fingerprintToJson,
  type LoadedCase,
} from "@nnunet/core";
import {
  type CaseMeasurement,
  combineMeasurements,
  defaultFingerprintExtractor,
  measureCase,
  mergeMeasurements,
} from "@nnunet/fingerprint";

const dataset: DatasetJson = {
  channelNames: ["CT", "PET"],
  labels: { background: 0, organ: 1, tumour: 2, ignore: 3 },
  numTraining: 12,
  fileEnding: ".nii.gz",
};

/** A 2-channel image with a border of zeros two voxels wide, noise inside, and all labels. */
function makeCase(id: string, seed: number): LoadedCase {
  const random = createRandom(seed);
  const shape = [2, 8 + (seed % 3), 9, 10] as const;
  const [, depth, height, width] = shape;
  const data = new Float32Array(2 * depth * height * width);
  const label = new Int16Array(depth * height * width);
  for (let z = 2; z < depth - 2; z++) {
    for (let y = 2; y < height - 2; y++) {
      for (let x = 2; x < width - 2; x++) {
        const i = (z * height + y) * width + x;
        data[i] = random.integer(-1000, 1500) || 1;
        data[label.length + i] = random.normal(5, 2);
        label[i] = random.integer(0, 4);
      }
    }
  }
  const geometry = axisAlignedGeometry([2 + (seed % 2), 0.7, 0.7]);
  return {
    id,
    image: createVolume(data, shape, geometry),
    label: createVolume(label, [1, depth, height, width], geometry),
  };
}

const cases = Array.from({ length: 12 }, (_, i) => makeCase(`case_${String(i).padStart(2, "0")}`, i));
const measurements = cases.map((loaded) => measureCase(loaded, dataset));

test("one case by hand", () => {
  const image = createVolume(Float32Array.of(0, 3, 5, 9, 0, 0), [1, 1, 1, 6], axisAlignedGeometry([3, 1, 0.5]));
  const label = createVolume(Int16Array.of(0, 1, 1, 2, 0, 0), [1, 1, 1, 6], image.geometry);
  const one: DatasetJson = {
    ...dataset,
    channelNames: ["MRI"],
    labels: { background: 0, left: 1, right: 2 },
    numTraining: 1,
  };
  expect(combineMeasurements([measureCase({ id: "a", image, label }, one)], one)).toEqual({
    spacings: [[3, 1, 0.5]],
    shapesAfterCrop: [[1, 1, 3]],
    pooledForegroundIntensityPerChannel: [
      {
        mean: 17 / 3,
        median: 5,
        std: expect.closeTo(Math.sqrt(56 / 9), 12),
        min: 3,
        max: 9,
        percentile005: expect.closeTo(3.02, 12),
        percentile995: expect.closeTo(8.96, 12),
      },
    ],
    // a hundred million draws of three voxels
    foregroundIntensityPerChannel: [
      {
        mean: expect.closeTo(17 / 3, 2),
        median: 5,
        std: expect.closeTo(Math.sqrt(56 / 9), 2),
        min: 3,
        max: 9,
        percentile005: 3,
        percentile995: 9,
      },
    ],
    medianRelativeSizeAfterCropping: 0.5,
    caseIds: ["a"],
    shapesBeforeCrop: [[1, 1, 6]],
    classRatios: { "0": 0.5, "1": 2 / 6, "2": 1 / 6 },
    numberOfClasses: 2,
    modalities: ["MRI"],
  });
});

test("crops, and leaves background and the ignore label out of the intensities", () => {
  const { cases: records } = measurements[0]!;
  expect(records[0]!.shapeAfterCrop).toEqual([4, 5, 6]);
  const voxels = records[0]!.labelVoxels;
  expect(records[0]!.foreground[0]!.count).toBe(voxels["1"]! + voxels["2"]!);
  expect(Object.keys(combineMeasurements(measurements, dataset).classRatios!)).toEqual(["0", "1", "2"]);
});

test("the same bits in any order, grouping and after being posted between workers", () => {
  const expected = combineMeasurements(measurements, dataset);
  const posted = structuredClone([...measurements].reverse());
  expect(combineMeasurements(posted, dataset)).toEqual(expected);
  const grouped = posted.reduce<CaseMeasurement>((all, next) => mergeMeasurements([all, next]), {
    cases: [],
    histograms: [],
    drawnHistograms: [],
  });
  expect(combineMeasurements([grouped], dataset)).toEqual(expected);
  const halves = [mergeMeasurements(measurements.slice(5)), mergeMeasurements(measurements.slice(0, 5))];
  expect(combineMeasurements(halves, dataset)).toEqual(expected);
});

test("mean and standard deviation are those of all voxels together", () => {
  const all: number[] = [];
  for (const { image, label } of cases) {
    label!.data.forEach((id, i) => {
      if (id === 1 || id === 2) all.push(image.data[label!.data.length + i]!);
    });
  }
  const mean = all.reduce((sum, v) => sum + v, 0) / all.length;
  const std = Math.sqrt(all.reduce((sum, v) => sum + (v - mean) ** 2, 0) / all.length);
  const pet = combineMeasurements(measurements, dataset).pooledForegroundIntensityPerChannel![1]!;
  expect(pet.mean).toBeCloseTo(mean, 12);
  expect(pet.std).toBeCloseTo(std, 12);
});

test("goes to JSON and back", () => {
  const fingerprint = defaultFingerprintExtractor.combine(measurements, dataset);
  expect(fingerprintFromJson(JSON.parse(JSON.stringify(fingerprintToJson(fingerprint))), "f.json")).toEqual(
    fingerprint,
  );
});

test("a case without a label, with other channels or with NaN in its foreground has no measurements, and no fingerprint comes of nothing, of a case twice or of empty labels", () => {
  const [first] = cases as [LoadedCase];
  expect(() => measureCase({ id: "x", image: first.image }, dataset)).toThrow(
    "label of case x: expected a label volume; a fingerprint needs labels, got undefined",
  );
  expect(() => measureCase(first, { ...dataset, channelNames: ["CT"] })).toThrow(
    "image of case case_00: expected shape [1,8,9,10], got [2,8,9,10]; dataset.json lists other channels",
  );
  const broken = makeCase("y", 1);
  broken.image.data[broken.label!.data.indexOf(2)] = Number.NaN;
  expect(() => measureCase(broken, dataset)).toThrow(
    "image of case y: expected finite intensities in the foreground of channel 0; `verify()` lists such voxels, got NaN",
  );
  expect(() => combineMeasurements([], dataset)).toThrow("measurements: expected at least one training case, got []");
  expect(() => combineMeasurements([measurements[0]!, measurements[0]!], dataset)).toThrow(
    'measurements: expected every case once, got "case_00"',
  );
  const empty = {
    ...first,
    label: createVolume(new Int16Array(first.label!.data.length), first.label!.shape, first.image.geometry),
  };
  expect(() => combineMeasurements([measureCase(empty, dataset)], dataset)).toThrow(
    "labelsTr: no case has foreground: every voxel of every label is background or ignored; check the labels against dataset.json",
  );
});
