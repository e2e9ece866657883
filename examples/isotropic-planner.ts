/** One rule replaced by wrapping: every image is resampled to 1 × 1 × 1 mm; all else stays the default planner's. */
import type { Planner } from "@nnunet/core";
import { comparePlans, defaultPlanner, plannerConformance } from "@nnunet/planner";

export const isotropicPlanner: Planner = {
  name: "isotropic-1mm",
  plan: (fingerprint, dataset, options) => ({
    ...defaultPlanner.plan(fingerprint, dataset, { ...options, targetSpacing: [1, 1, 1] }),
    planner: "isotropic-1mm",
  }),
};

// cine MRI of the heart: 200 cases with thick slices
const fingerprint = {
  spacings: Array(200).fill([10, 1.56, 1.56]), // mm, [z, y, x]
  shapesAfterCrop: Array(200).fill([9, 256, 216]), // voxels
  pooledForegroundIntensityPerChannel: [
    { mean: 105, median: 99, std: 40, min: 0, max: 900, percentile005: 5, percentile995: 300 },
  ],
  medianRelativeSizeAfterCropping: 1,
};
const labels = { background: 0, rightVentricle: 1, myocardium: 2, leftVentricle: 3 };
const dataset = { channelNames: ["MRI"], labels, numTraining: 200, fileEnding: ".nii.gz" };

const theirs = defaultPlanner.plan(fingerprint, dataset).configurations["3d_fullres"]!;
const mine = isotropicPlanner.plan(fingerprint, dataset).configurations["3d_fullres"]!;
console.log("default:      ", theirs.spacing.join(" × "), "mm, patch", theirs.patchSize.join(" × "));
console.log("isotropic-1mm:", mine.spacing.join(" × "), "mm, patch", mine.patchSize.join(" × "));

const problems = plannerConformance(isotropicPlanner, fingerprint, dataset);
console.log("keeps to what every planner must keep to:", problems.length === 0);

const { differences } = comparePlans(
  defaultPlanner.plan(fingerprint, dataset),
  isotropicPlanner.plan(fingerprint, dataset),
);
const patch = differences.find(({ configuration, field }) => configuration === "3d_fullres" && field === "patchSize");
console.log("the patch differs because of", patch?.causes.map(({ input }) => input).join(", "));
