#!/usr/bin/env node
/**
 * Compares the segmentations of two folders voxel by voxel: ours, and those of nnU-Net v2 with its probabilities beside them
 * (`--save_probabilities`).
 *
 *   node tools/proofs/compare.mjs OURS THEIRS
 *
 * Counts the voxels that differ, and those of them whose two best classes (or a region and its half) are closer than 1e-4 in
 * v2's probabilities. Ends with 1 if others differ.
 */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { readV2Probabilities } from "@nnunet/interop";
import { readImage } from "@nnunet/io";

const [ours, theirs] = process.argv.slice(2);
if (!theirs) {
  console.error("Which? node tools/proofs/compare.mjs OURS THEIRS");
  process.exit(2);
}
const tie = 1e-4;
const total = { cases: 0, voxels: 0, labelled: 0, differing: 0, ties: 0, largest: 0 };
for (const name of readdirSync(theirs).filter((file) => file.endsWith(".nii.gz"))) {
  const [a, b] = await Promise.all([ours, theirs].map((folder) => readImage(join(folder, name))));
  const [here, there] = [a, b].map(({ shape, geometry: { spacing, origin, direction } }) => [
    shape,
    spacing,
    origin,
    direction,
  ]);
  if (!isDeepStrictEqual(here, there)) throw new Error(`${name} lies elsewhere: ${JSON.stringify([here, there])}`);
  const npz = join(theirs, name.replace(".nii.gz", ".npz"));
  const probabilities = existsSync(npz) ? await readV2Probabilities(npz) : undefined;
  const found = { differing: 0, ties: 0, largest: 0 };
  for (let voxel = 0; voxel < b.data.length; voxel++) {
    if (b.data[voxel] !== 0) total.labelled++;
    if (a.data[voxel] === b.data[voxel]) continue;
    found.differing++;
    const margin = probabilities ? marginAt(probabilities, voxel) : 1;
    if (margin < tie) found.ties++;
    found.largest = Math.max(found.largest, margin);
  }
  if (found.differing > 0) console.log(name, JSON.stringify(found));
  total.cases++;
  total.voxels += b.data.length;
  total.differing += found.differing;
  total.ties += found.ties;
  total.largest = Math.max(total.largest, found.largest);
}
if (total.labelled === 0) throw new Error(`${theirs}: nothing is segmented there, so that this would prove nothing`);
console.log(
  `${total.cases} cases, ${total.voxels} voxels, ${total.labelled} of them labelled: ${total.differing} decided otherwise, ${total.ties} of these closer than ${tie}` +
    (total.differing > total.ties ? `; the others by up to ${total.largest.toPrecision(3)}` : ""),
);
process.exit(total.differing > total.ties ? 1 : 0);

/** How far apart the best two classes are; of regions alone (sums that are not 1) how far the nearest is from its half. */
function marginAt({ data, shape: [classes, z, y, x] }, voxel) {
  const values = Array.from({ length: classes }, (_, c) => data[c * z * y * x + voxel]).sort((p, q) => q - p);
  const sum = values.reduce((s, p) => s + p, 0);
  if (Math.abs(sum - 1) < 1e-3) return values[0] - values[1];
  return 2 * Math.min(...values.map((p) => Math.abs(p - 0.5)));
}
