import { expect, test } from "@jest/globals";
import { axisAlignedGeometry, createVolume, labelSet } from "@nnunet/core";
import { ensembleProbabilities, segmentationFromProbabilities } from "@nnunet/inference";

const geometry = axisAlignedGeometry([2, 1, 1]);
const volume = (...values: number[]) => createVolume(Float32Array.from(values), [2, 1, 1, 2], geometry);
const dataset = { channelNames: ["CT"], numTraining: 1, fileEnding: ".nii.gz" };
const labels = labelSet({ ...dataset, labels: { background: 0, a: 1 } });
const regions = labelSet({ ...dataset, labels: { background: 0, whole: [1, 2], core: 2 }, regionsClassOrder: [1, 2] });

test("the mean of two, decided per voxel; a tie goes to the lower class", () => {
  const mean = ensembleProbabilities([volume(0.9, 0.25, 0.1, 0.75), volume(0.1, 0.5, 0.9, 0.5)]);
  expect(Array.from(mean.data)).toEqual([0.5, 0.375, 0.5, 0.625]);
  const segmentation = segmentationFromProbabilities(mean, labels);
  expect(Array.from(segmentation.data)).toEqual([0, 1]);
  expect(segmentation.shape).toEqual([1, 1, 1, 2]);
  expect(segmentation.geometry).toEqual(geometry);
});

test("regions: above one half, later regions over earlier ones", () => {
  expect(Array.from(segmentationFromProbabilities(volume(0.9, 0.5, 0.6, 0.1), regions).data)).toEqual([2, 0]);
  expect(Array.from(segmentationFromProbabilities(volume(0.9, 0.6, 0.5, 0.1), regions).data)).toEqual([1, 1]);
});

test("no volumes, volumes of different sizes, and channels that are not the classes are refused", () => {
  expect(() => ensembleProbabilities([])).toThrow("volumes: expected at least one volume of probabilities, got []");
  const other = createVolume(new Float32Array(6), [2, 1, 1, 3], geometry);
  expect(() => ensembleProbabilities([volume(0, 0, 0, 0), other])).toThrow(
    "probabilities: expected shape [2,1,1,2], got [2,1,1,3]; predict the same image with every configuration",
  );
  const three = labelSet({ ...dataset, labels: { background: 0, a: 1, b: 2 } });
  expect(() => segmentationFromProbabilities(volume(0, 0, 0, 0), three)).toThrow(
    "probabilities: expected shape [3,1,1,2], got [2,1,1,2]; one channel per class or region",
  );
});
