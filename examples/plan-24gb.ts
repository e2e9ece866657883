/** The same dataset planned for 11 GB (the paper's budget) and for a card with 24 GB. */
import { comparePlans, defaultPlanner, plansTable } from "@nnunet/planner";

// CT of the pancreas: 282 cases
const fingerprint = {
  spacings: Array(282).fill([2.5, 0.8, 0.8]), // mm, [z, y, x]
  shapesAfterCrop: Array(282).fill([96, 512, 512]), // voxels
  pooledForegroundIntensityPerChannel: [
    { mean: 80, median: 86, std: 74, min: -995, max: 3000, percentile005: -96, percentile995: 215 },
  ],
  medianRelativeSizeAfterCropping: 1,
};
const labels = { background: 0, pancreas: 1, cancer: 2 };
const dataset = { channelNames: ["CT"], labels, numTraining: 282, fileEnding: ".nii.gz" };

const small = defaultPlanner.plan(fingerprint, dataset);
const large = defaultPlanner.plan(fingerprint, dataset, { gpuMemoryGb: 24 });
console.log(`11 GB\n\n${plansTable(small)}\n\n24 GB\n\n${plansTable(large)}\n`);

for (const { configuration, field, a, b } of comparePlans(small, large).differences) {
  if (field === "patchSize" || field === "batchSize") console.log(`${configuration} ${field}: ${a} → ${b}`);
}
