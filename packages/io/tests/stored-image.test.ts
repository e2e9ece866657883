import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { axisAlignedGeometry, createVolume, type VoxelArray } from "@nnunet/core";
import { readCase, readStoredImage, writeImage } from "@nnunet/io";

const geometry = axisAlignedGeometry([2, 1, 1]);
const dataset = (channels: number) => ({
  channelNames: Array.from({ length: channels }, (_, i) => `MR${i}`),
  labels: { background: 0, a: 1 },
  fileEnding: ".nii.gz",
});

test.each<[string, VoxelArray[], new (n: number) => VoxelArray]>([
  ["16 bits stay so", [Int16Array.from([-5, 7, 300, 32767])], Int16Array],
  ["8 bits stay so", [Uint8Array.from([0, 7, 255, 1])], Uint8Array],
  ["channels of one type", [Uint16Array.from([1, 2, 3, 65535]), Uint16Array.from([5, 6, 7, 8])], Uint16Array],
  ["channels of several types", [Int16Array.from([1, 2, 3, -4]), Float32Array.from([0.5, 6, 7, 8])], Float32Array],
  ["the other way round", [Float32Array.from([0.5, 6, 7, 8]), Int16Array.from([1, 2, 3, -4])], Float32Array],
  ["two whole-number types", [Int16Array.from([1, 2, 3, -4]), Uint8Array.from([5, 6, 7, 255])], Float32Array],
  ["32 bits", [Int32Array.from([1, 2, 3, 2 ** 30 + 1])], Float32Array],
])("an image as it is stored has the values of the case: %s", async (_, channels, type) => {
  const folder = await mkdtemp(join(tmpdir(), "nnunet-stored-"));
  try {
    const images = channels.map((_, c) => join(folder, `a_000${c}.nii.gz`));
    for (const [c, data] of channels.entries()) {
      await writeImage(images[c]!, createVolume(data, [1, 1, 2, 2], geometry));
    }
    const files = { id: "a", images };
    const { image } = await readStoredImage(files, dataset(channels.length));
    const whole = await readCase(files, dataset(channels.length));
    expect(image.data.constructor.name).toBe(type.name);
    expect(Float32Array.from(image.data)).toEqual(whole.image.data);
    expect(image.shape).toEqual(whole.image.shape);
    expect(image.geometry).toEqual(whole.image.geometry);
    await expect(readStoredImage(files, dataset(channels.length + 1))).rejects.toThrow("the model names");
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
