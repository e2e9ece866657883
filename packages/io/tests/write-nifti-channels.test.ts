import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "@jest/globals";
import { axisAlignedGeometry, createRandom, createVolume, type VolumeShape } from "@nnunet/core";
import { readImage, writeImage, writeNiftiChannels } from "@nnunet/io";

const folder = mkdtempSync(join(tmpdir(), "nnunet-io-"));
afterAll(() => rmSync(folder, { recursive: true }));

const random = createRandom(0);
const shape: VolumeShape = [3, 4, 5, 6];
const values = Float32Array.from({ length: 360 }, () => random.normal());
const volume = createVolume(values, shape, axisAlignedGeometry([2, 1.5, 0.7]));

async function* pieces(length: number, all = values): AsyncGenerator<Float32Array> {
  for (let at = 0; at < all.length; at += length) yield all.subarray(at, at + length);
}

test.each([".nii", ".nii.gz"])("channels in pieces of any length: %s byte by byte as all at once", async (ending) => {
  const [whole, poured] = [join(folder, `whole${ending}`), join(folder, `poured${ending}`)];
  await writeImage(whole, volume);
  for (const length of [7, 120, 360]) {
    await writeNiftiChannels(poured, volume, pieces(length));
    if (ending === ".nii") expect(readFileSync(poured)).toEqual(readFileSync(whole));
    const read = await readImage(poured);
    expect([read.shape, Array.from(read.data)]).toEqual([shape, Array.from(values)]);
    expect(read.geometry.spacing).toEqual((await readImage(whole)).geometry.spacing);
  }
});

test("too few or too many values are an error, and leave nothing behind", async () => {
  const path = join(folder, "wrong.nii.gz");
  for (const count of [359, 361]) {
    const wrong = writeNiftiChannels(path, volume, pieces(100, new Float32Array(count)));
    await expect(wrong).rejects.toThrow(`channels for ${path}: expected shape [3,4,5,6], got [${count}]`);
  }
  expect(readdirSync(folder).filter((name) => name.includes("wrong"))).toEqual([]);
});
