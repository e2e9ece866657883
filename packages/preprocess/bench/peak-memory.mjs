/** Preprocesses one synthetic case and prints how much memory it took at most. Started by preprocess.bench.mjs. */
import { preprocessCase } from "@nnunet/preprocess";

const {
  shape,
  spacing,
  labelled,
  channels = 1,
  masked = false,
  axes = [0, 1, 2],
  before = true,
  target = [1.333, 1, 1],
} = JSON.parse(process.argv[2]);
const voxels = shape.reduce((a, b) => a * b);
const scheme = (order) => ({ order, orderZ: 0, forceSeparateZ: null });
const plans = {
  transposeForward: axes,
  foregroundIntensityPerChannel: Array(channels).fill({ mean: 60, std: 180, percentile005: -900, percentile995: 900 }),
  configurations: {
    bench: {
      spacing: target,
      normalizationSchemes: Array(channels).fill(masked ? "ZScore" : "CT"),
      useMaskForNorm: Array(channels).fill(masked),
      resamplingData: scheme(3),
      resamplingSeg: scheme(1),
      normalizeBeforeResampling: before,
    },
  },
};
const dataset = {
  channelNames: Array(channels).fill(masked ? "MRI" : "CT"),
  labels: { background: 0, organ: 1 },
  numTraining: 1,
  fileEnding: ".nii.gz",
};
const megabytes = (bytes) => `${Math.round(bytes / 1e6)} MB`;

const rss = process.memoryUsage.rss();
const data = new Float32Array(channels * voxels);
for (let i = 0; i < data.length; i++) data[i] = ((i * 7919) % 2048) - 1024.5;
const geometry = { spacing, origin: [0, 0, 0], direction: [1, 0, 0, 0, 1, 0, 0, 0, 1] };
const loaded = { id: "case", image: { data, shape: [channels, ...shape], geometry } };
if (labelled)
  loaded.label = {
    data: new Int16Array(voxels).fill(1, voxels >> 1, (voxels >> 1) + 1_000_000),
    shape: [1, ...shape],
    geometry,
  };
const out = preprocessCase(loaded, plans, "bench", dataset);
const peak = process.resourceUsage().maxRSS * 1024 - rss;
const volumes = channels + (labelled ? 1 : 0);
const larger = 4 * volumes * Math.max(voxels, out.data.length / channels);
console.log(
  `→ ${out.shape.slice(1).join("×")}: ${megabytes(peak)}, ${(peak / larger).toFixed(2)} × the larger of input and output in float32 (${megabytes(larger)})`,
);
