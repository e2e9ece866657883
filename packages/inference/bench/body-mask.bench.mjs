#!/usr/bin/env node
/**
 * What `--body-mask` leaves out of real CTs, and what of the labels lies there: a voxel that only skipped patches cover is called
 * background whatever the network knows, so the share of such labelled voxels bounds what the mask can cost, with any network.
 *
 *   npm run build && DATA=…/shared/data node packages/inference/bench/body-mask.bench.mjs
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readImage } from "@nnunet/io";
import { layPatches, windowsOf } from "../dist/axis-windows.js";
import { airLevels, isEmptyPatch } from "../dist/empty-patches.js";

const data = process.env.DATA ?? fileURLToPath(new URL("../../../../shared/data", import.meta.url));
const cases = [
  ["ct/thorax_3mm.nii.gz", "ct/thorax_3mm_seg.nii.gz"],
  ["ct/aorta_1.5mm.nii.gz", "ct/aorta_1.5mm_seg.nii.gz"],
  ["ct/pulmonary_1.5mm.nii.gz", "ct/pulmonary_1.5mm_seg.nii.gz"],
  ["dicom_ct", "dicom_ct_seg.nii.gz"],
];
/** 0.5 and 99.5 percentile of what is segmented, HU. */
const trained = { "soft tissue": [-150, 350], "with lungs": [-980, 900] };

console.log(
  "| CT | structures | patch | patches without a run | labelled voxels that only these cover |\n|---|---|---|---|---|",
);
for (const [path, labelPath] of cases) {
  if (!existsSync(join(data, path))) {
    console.log(`skipped: no ${path} in ${data} (DATA)`);
    continue;
  }
  const image = await readImage(join(data, path));
  const labels = turnedLike(image, await readImage(join(data, labelPath)));
  for (const [structures, [low, high]] of Object.entries(trained)) {
    const intensities = { percentile005: low, percentile995: high, mean: (low + high) / 2, std: (high - low) / 4 };
    const configuration = { normalizationSchemes: ["CT"] };
    const plans = { configurations: { c: configuration }, foregroundIntensityPerChannel: [intensities] };
    const levels = airLevels({ plans, configuration: "c" });
    const normed = Float32Array.from(
      image.data,
      (hu) => (Math.min(Math.max(hu, low), high) - intensities.mean) / intensities.std,
    );
    for (const edge of [32, 64, 96]) {
      const size = image.shape.slice(1);
      const patchSize = [edge, edge, edge];
      const patches = layPatches(windowsOf(size, patchSize, 0.5, false));
      const input = { data: normed, shape: image.shape, planes: size[0] };
      const seen = new Uint8Array(labels.data.length);
      let skipped = 0;
      for (const patch of patches) {
        if (isEmptyPatch(input, patch, patchSize, levels)) skipped++;
        else mark(seen, size, patch.start, edge);
      }
      const missed = labels.data.reduce((sum, label, i) => sum + (label !== 0 && seen[i] === 0 ? 1 : 0), 0);
      const labelled = labels.data.reduce((sum, label) => sum + (label !== 0 ? 1 : 0), 0);
      console.log(
        `| ${path.split("/").at(-1)} ${size.join("×")} | ${structures} | ${edge}³ | ${skipped} of ${patches.length} | ${missed} of ${labelled} |`,
      );
    }
  }
}

/** A label image that may run against the image along y. */
function turnedLike(image, labels) {
  if (image.geometry.direction[4] === labels.geometry.direction[4]) return labels;
  const [, depth, height, width] = labels.shape;
  const turned = labels.data.slice();
  for (let z = 0; z < depth; z++) {
    for (let y = 0; y < height; y++) {
      const from = (z * height + y) * width;
      turned.set(labels.data.subarray(from, from + width), (z * height + height - 1 - y) * width);
    }
  }
  return { ...labels, data: turned };
}

function mark(seen, [depth, height, width], [z0, y0, x0], edge) {
  for (let z = Math.max(0, z0); z < Math.min(depth, z0 + edge); z++) {
    for (let y = Math.max(0, y0); y < Math.min(height, y0 + edge); y++) {
      const row = (z * height + y) * width;
      seen.fill(1, row + Math.max(0, x0), row + Math.min(width, x0 + edge));
    }
  }
}
