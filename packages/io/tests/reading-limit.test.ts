import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, test } from "@jest/globals";
import { axisAlignedGeometry, createVolume } from "@nnunet/core";
import { readImage, writeImage } from "@nnunet/io";

test("an image of more voxels than there is memory is refused from its header", async () => {
  const folder = await mkdtemp(join(tmpdir(), "nnunet-limit-"));
  try {
    const plain = join(folder, "small.nii");
    await writeImage(plain, createVolume(new Int16Array(8), [1, 2, 2, 2], axisAlignedGeometry([1, 1, 1])));
    const bytes = await readFile(plain);
    for (const axis of [42, 44, 46]) bytes.writeInt16LE(20_000, axis); // dim[1 … 3]
    const path = join(folder, "huge.nii.gz");
    await writeFile(path, gzipSync(bytes));
    await expect(readImage(path)).rejects.toThrow(
      /^reading \S+huge\.nii\.gz \(20000 × 20000 × 20000 voxels of int16\) needs 16000 GB of memory, but only [\d.]+ GB are free; crop or resample the image/,
    );
  } finally {
    await rm(folder, { recursive: true });
  }
});
