import { expect, jest, test } from "@jest/globals";
import { axisAlignedGeometry, createVolume, type VoxelArray } from "@nnunet/core";
import { predictImage, predictionSize } from "@nnunet/inference";
import { loadModel } from "@nnunet/inference";
import { pointwise, tinyMetadata, tinyModelBytes } from "./tiny-model.ts";

// Other test files may use the cores at the same time.
jest.setTimeout(120_000);

const model = await loadModel(
  tinyModelBytes(tinyMetadata([8, 16, 16]), pointwise([[0], [9], [0]], [0, -18, -99], 3), 3),
  {
    threads: 1,
  },
);

const shape = [1, 40, 48, 44] as const;
const imageOf = (data: VoxelArray) => ({ id: "c", image: createVolume(data, shape, axisAlignedGeometry([1, 1, 1])) });
const voxels = () => Int16Array.from({ length: 40 * 48 * 44 }, (_, i) => 1 + (i % 5));
const how = { mirroring: false, stepFraction: 1 };

test("an image that is nobody's afterwards is let go once it is preprocessed; the segmentation is the same", async () => {
  const kept = imageOf(voxels());
  const expected = await predictImage([model], kept, how);
  expect(kept.image.data).toHaveLength(40 * 48 * 44);
  const given = imageOf(voxels());
  let atFirstPatch: number | undefined;
  const onEvent = () => {
    atFirstPatch ??= given.image.data.length;
  };
  expect(await predictImage([model], given, { ...how, releaseImage: true, onEvent })).toEqual(expected);
  expect(atFirstPatch).toBe(0);
});

test("what shares its memory with something else is left alone", async () => {
  const two = new Int16Array(2 * 40 * 48 * 44 + 2 ** 20);
  two.set(voxels());
  const part = imageOf(two.subarray(0, 40 * 48 * 44));
  await predictImage([model], part, { ...how, releaseImage: true });
  const shared = new Int16Array(new SharedArrayBuffer(2 * 40 * 48 * 44));
  shared.set(voxels());
  await predictImage([model], imageOf(shared), { ...how, releaseImage: true });
  expect([part.image.data, shared].map((data) => data.length)).toEqual([40 * 48 * 44, 40 * 48 * 44]);
});

test("the memory at the peak counts the image until it is preprocessed, or the segmentation and what comes with it", () => {
  const image = { shape: [1, 800, 512, 512] as const, spacing: [1, 1, 1] as const };
  const bytes = 800 * 512 * 512 * 2;
  const asked = { ...how, bytesPerVoxel: 2, maxMemoryGb: 0.001 }; // all on disk that can be
  const [kept, released] = [
    predictionSize([model], image, asked),
    predictionSize([model], image, { ...asked, releaseImage: true }),
  ];
  // Segmentation and image are both 2 bytes per voxel, and never in memory together.
  expect(kept.memory - released.memory).toBeGreaterThan(0.8 * bytes);
  expect(released.memory).toBeLessThan(1.8 * bytes);
});
