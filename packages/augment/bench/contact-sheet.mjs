#!/usr/bin/env node
/**
 * A picture of what each augmentation does, for a human look: rows of slices (label borders bright) written as one
 * PNG into a temporary folder, or to the path given.
 *
 *   npx tsc -b packages/augment && node packages/augment/bench/contact-sheet.mjs [sheet.png]
 */
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32, deflateSync } from "node:zlib";
import * as augment from "@nnunet/augment";
import { createRandom, labelSet } from "@nnunet/core";

const size = [48, 96, 96];
const { data, seg } = phantom();
const middle = size[0] / 2;
const patch = [32, 64, 64];
const { paper, v2, none } = augment.augmentationParameters;
const reader = {
  id: "phantom",
  shape: [1, ...size],
  classLocations: { 1: where(1), 2: where(2) },
  async readPatch(start, box) {
    const out = { data: new Float32Array(box[0] * box[1] * box[2]), seg: new Int16Array(box[0] * box[1] * box[2]) };
    let to = 0;
    for (let z = 0; z < box[0]; z++) {
      for (let y = 0; y < box[1]; y++, to += box[2]) {
        const from = ((start[0] + z) * size[1] + start[1] + y) * size[2] + start[2];
        out.data.set(data.subarray(from, from + box[2]), to);
        out.seg.set(seg.subarray(from, from + box[2]), to);
      }
    }
    return out;
  },
};

const tiles = [];
// First two rows: each step alone, at a strong setting, on the middle slice
const random = createRandom(1);
const show = (image, labels = seg, shape = size) => tiles.push(slice(image, labels, shape));
const turned = (angles, scale, interpolation) => {
  const transform = { matrix: augment.samplingMatrix(angles, scale) };
  show(
    augment.transformImage(data, size, size, transform, interpolation),
    augment.transformLabels(seg, size, size, transform, "threshold"),
  );
};
show(data);
turned([0.5, 0, 0], [1, 1, 1], "linear");
turned([0.5, 0.3, 0.3], [1, 1, 1], "cubic");
turned([0, 0, 0], [0.72, 0.72, 0.72], "linear");
turned([0, 0, 0], [1.4, 1.4, 1.4], "linear");
show(augment.addGaussianNoise(data, Math.sqrt(0.1), random));
show(augment.gaussianBlur(data, size, [1.5, 1.5, 1.5]));
show(augment.scaleBrightness(data, 1.3));
show(augment.scaleContrast(data, 1.5, "zero"));
show(augment.simulateLowResolution(data, size, 0.5));
show(augment.simulateLowResolution(data, size, 0.5, { upsampling: "linear", inPlane: true }));
show(augment.applyGamma(data, 0.7));
show(augment.applyGamma(data, 1.5));
show(augment.applyGamma(data, 1.5, { inverted: true }));
show(augment.mirrorInPlace(Float32Array.from(data), size, 2), augment.mirrorInPlace(Int16Array.from(seg), size, 2));
for (const operator of augment.binaryOperators) {
  const masks = augment.oneHot(seg, [1, 2]);
  augment.operateOnLabel(masks, 0, size, operator, 4);
  show(
    data,
    Int16Array.from(seg, (_, i) => (masks[0][i] ? 1 : masks[1][i] ? 2 : 0)),
  );
}
while (tiles.length % 10 > 0) show(new Float32Array(data.length), new Int16Array(data.length));

// Then random batches as training sees them
for (const [parameters, patchSize, dummy2dAugmentation] of [
  [none, patch, false],
  [paper, patch, false],
  [paper, patch, false],
  [v2, patch, false],
  [paper, [12, 64, 64], true],
  [paper, [64, 64], false],
]) {
  const source = augment.createBatchSource({
    cases: [reader],
    configuration: { patchSize, batchSize: 10, dummy2dAugmentation, useMaskForNorm: [false], augmentation: "paper" },
    labels: labelSet({ channelNames: ["MRI"], labels: { background: 0, a: 1, b: 2 }, numTraining: 1, fileEnding: "" }),
    seed: 1,
    mode: "training",
    outputScales: [patchSize.map(() => 1)],
    augmentation: parameters,
  });
  const batch = await source.batch(tiles.length, 0);
  const shape = patchSize.length === 2 ? [1, ...patchSize] : patchSize;
  const voxels = shape[0] * shape[1] * shape[2];
  for (let i = 0; i < 10; i++) {
    show(
      batch.data.subarray(i * voxels, (i + 1) * voxels),
      batch.targets[0].data.subarray(i * voxels, (i + 1) * voxels),
      shape,
    );
  }
}
const path = process.argv[2] ?? join(mkdtempSync(join(tmpdir(), "nnunet-augment-")), "contact-sheet.png");
writeFileSync(path, contactSheet(tiles, 10));
console.log(path);

/** An uneven object, so that turns and mirrors show: an ellipsoid with a wedge, textured. */
function phantom() {
  const noise = createRandom(7);
  const image = new Float32Array(size[0] * size[1] * size[2]);
  const labels = new Int16Array(image.length);
  for (let z = 0, i = 0; z < size[0]; z++) {
    for (let y = 0; y < size[1]; y++) {
      for (let x = 0; x < size[2]; x++, i++) {
        const [a, b, c] = [(z - 24) / 18, (y - 50) / 36, (x - 44) / 26];
        const body = a * a + b * b + c * c < 1;
        const small = (z - 24) ** 2 + (y - 34) ** 2 + (x - 52) ** 2 < 90;
        const wedge = body && x > 40 && y > 55 && y < 55 + (x - 40) / 2;
        labels[i] = small ? 2 : wedge ? 1 : 0;
        image[i] =
          (body ? 0.3 * Math.sin(x / 3) * Math.cos(y / 4) : -1.2) +
          (small ? 1.5 : wedge ? 1 : 0) +
          noise.normal(0, 0.1);
      }
    }
  }
  return { data: image, seg: labels };
}

function where(label) {
  return Int32Array.from([...seg.keys()].filter((i) => seg[i] === label));
}

/** The middle slice as 98×98 grey values, voxels at a border between labels bright. */
function slice(image, labels, shape) {
  const z = shape === size ? middle : Math.floor(shape[0] / 2);
  const [, height, width] = shape;
  const tile = new Uint8Array(98 * 98).fill(40);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const i = (z * height + y) * width + x;
      const border =
        labels[i] > 0 &&
        (labels[i] !== labels[i - 1] ||
          labels[i] !== labels[i + 1] ||
          labels[i] !== labels[i - width] ||
          labels[i] !== labels[i + width]);
      const grey = border ? 255 : Math.max(0, Math.min(230, 110 + image[i] * 60));
      tile[(y + Math.floor((98 - height) / 2)) * 98 + x + Math.floor((98 - width) / 2)] = grey;
    }
  }
  return tile;
}

function contactSheet(all, columns) {
  const rows = Math.ceil(all.length / columns);
  const width = columns * 98;
  const lines = Buffer.alloc(rows * 98 * (width + 1)); // each line starts with filter 0
  for (const [n, tile] of all.entries()) {
    for (let y = 0; y < 98; y++) {
      const to = (Math.floor(n / columns) * 98 + y) * (width + 1) + 1 + (n % columns) * 98;
      lines.set(tile.subarray(y * 98, (y + 1) * 98), to);
    }
  }
  const chunk = (type, body) => {
    const out = Buffer.alloc(body.length + 12);
    out.writeUInt32BE(body.length, 0);
    out.write(type, 4, "latin1");
    body.copy(out, 8);
    out.writeUInt32BE(crc32(out.subarray(4, body.length + 8)), body.length + 8);
    return out;
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(rows * 98, 4);
  header.set([8, 0, 0, 0, 0], 8);
  const signature = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]);
  return Buffer.concat([
    signature,
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(lines)),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}
