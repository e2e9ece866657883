import { expect, test } from "@jest/globals";
import { axisAlignedGeometry, createVolume, type Shape3, type Spacing } from "@nnunet/core";
import { loadModel, predictImage } from "@nnunet/inference";
import { pointwise, tinyMetadata, tinyModelBytes } from "./tiny-model.ts";

/** A ball of intensity 4 falling off to 1 at the border, never 0, so that nothing is cropped away. */
function ball([sizeZ, sizeY, sizeX]: Shape3, spacing: Spacing) {
  const data = new Float32Array(sizeZ * sizeY * sizeX);
  for (let z = 0, i = 0; z < sizeZ; z++) {
    for (let y = 0; y < sizeY; y++) {
      for (let x = 0; x < sizeX; x++, i++) {
        const offset = [z - sizeZ / 2, y - sizeY / 2.5, x - sizeX / 2].map((n, axis) => n * spacing[axis]!);
        data[i] = 1 + 3 * Math.exp(-Math.hypot(...offset) / 8);
      }
    }
  }
  return createVolume(data, [1, sizeZ, sizeY, sizeX], axisAlignedGeometry(spacing));
}

/** Class 1 where the intensity exceeds 2, otherwise background. */
const threshold = pointwise([[0], [9], [0]], [0, -18, -99], 3);
const plans = (metadata: ReturnType<typeof tinyMetadata>) => ({
  ...metadata,
  plans: { ...metadata.plans, transposeForward: [2, 0, 1], transposeBackward: [1, 2, 0] },
});

test("on the model's own grid: exactly the network's decision, in the image's axes and geometry", async () => {
  const metadata = plans(tinyMetadata([8, 16, 16]));
  const model = await loadModel(tinyModelBytes(metadata, threshold, 3), { threads: 1 });
  const image = ball([13, 10, 12], [1, 1, 1]);
  const { segmentation, probabilities } = await predictImage([model], { id: "ball", image }, { probabilities: true });
  expect(segmentation.shape).toEqual([1, 13, 10, 12]);
  expect(segmentation.geometry).toEqual(image.geometry);
  expect(segmentation.data).toEqual(Int16Array.from(image.data, (v) => (v > 2 ? 1 : 0)));
  expect(segmentation.data.some((label) => label === 1)).toBe(true);
  expect(probabilities!.shape).toEqual([3, 13, 10, 12]);
  const voxels = 13 * 10 * 12;
  for (let i = 0; i < voxels; i += 97) {
    const expected = 1 / (1 + Math.exp(-(9 * image.data[i]! - 18)));
    expect(Math.abs(probabilities!.data[voxels + i]! - expected)).toBeLessThan(1e-5);
  }
  await model.dispose();
});

test("on another grid: the same object within a voxel's rounding of its surface", async () => {
  const metadata = plans(tinyMetadata([8, 16, 16]));
  const model = await loadModel(tinyModelBytes(metadata, threshold, 3), { threads: 1 });
  const image = ball([13, 40, 36], [2, 0.6, 0.7]);
  const { segmentation, probabilities } = await predictImage([model], { id: "ball", image });
  expect(probabilities).toBeUndefined();
  let both = 0;
  let sum = 0;
  segmentation.data.forEach((label, i) => {
    const truth = image.data[i]! > 2 ? 1 : 0;
    both += label * truth;
    sum += label + truth;
  });
  expect(sum).toBeGreaterThan(2000);
  expect((2 * both) / sum).toBeGreaterThan(0.97);
  await model.dispose();
});
