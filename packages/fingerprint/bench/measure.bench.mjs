#!/usr/bin/env node
/**
 * Processor time and memory of measuring a CT-sized case (integers) and an MRI-sized one (floats), and of combining.
 *
 *   npx tsc -b packages/fingerprint && node packages/fingerprint/bench/measure.bench.mjs
 */
import { cpus } from "node:os";
import { axisAlignedGeometry, createRandom, createVolume } from "@nnunet/core";
import { combineMeasurements, measureCase, mergeMeasurements } from "@nnunet/fingerprint";

const dataset = { channelNames: ["CT"], labels: { background: 0, organ: 1 }, numTraining: 1, fileEnding: ".nii.gz" };

function makeCase(id, shape, integers) {
  const random = createRandom(1, id);
  const voxels = shape.reduce((product, n) => product * n, 1);
  const data = new Float32Array(voxels);
  for (let i = 0; i < voxels; i++) data[i] = integers ? Math.round(random.uniform(-1000, 2000)) : random.normal(0, 1);
  const label = new Int16Array(voxels).fill(1, 0, Math.round(voxels / 10));
  const geometry = axisAlignedGeometry([1, 1, 1]);
  return {
    id,
    image: createVolume(data, [1, ...shape], geometry),
    label: createVolume(label, [1, ...shape], geometry),
  };
}

const timed = (run) => {
  const before = process.cpuUsage().user;
  const result = run();
  return [result, ((process.cpuUsage().user - before) / 1e6).toFixed(2)];
};

console.log(`Node ${process.version}, ${cpus()[0]?.model}; a tenth of the voxels is foreground`);
for (const [name, shape, integers] of [
  ["integers, 200 × 512 × 512", [200, 512, 512], true],
  ["floats, 160 × 256 × 256", [160, 256, 256], false],
]) {
  const cases = ["a", "b"].map((id) => makeCase(id, shape, integers));
  const measured = cases.map((loaded) => timed(() => measureCase(loaded, dataset)));
  const bins = measured[0][0].histograms[0].keys.length;
  const [, seconds] = timed(() => combineMeasurements([mergeMeasurements(measured.map(([m]) => m))], dataset));
  console.log(
    `${name}: measure ${measured.map(([, s]) => s).join(" and ")} s, ${bins} bins (${(bins * 12) / 1024} kB), combine ${seconds} s`,
  );
}
