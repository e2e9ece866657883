import { defaultPlanner, plansTable } from "@nnunet/planner";

const foreground = { mean: 105, median: 99, std: 40, min: 0, max: 900, percentile005: 5, percentile995: 300 };
const fingerprint = {
  spacings: Array(20).fill([1.37, 1.25, 1.25]), // mm, [z, y, x], one per training case
  shapesAfterCrop: Array(20).fill([115, 320, 232]), // voxels
  pooledForegroundIntensityPerChannel: [foreground],
  medianRelativeSizeAfterCropping: 1,
};
const dataset = { channelNames: ["MRI"], labels: { background: 0, atrium: 1 }, numTraining: 20, fileEnding: ".nii.gz" };
console.log(plansTable(defaultPlanner.plan(fingerprint, dataset)));
