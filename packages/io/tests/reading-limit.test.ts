import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "@jest/globals";
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

describe("what has to be decompressed only to be passed over is bounded", () => {
  const zeros = Buffer.alloc(80 * 2 ** 20);

  test("before the voxels", async () => {
    const folder = await mkdtemp(join(tmpdir(), "nnunet-limit-"));
    try {
      const plain = join(folder, "small.nii");
      await writeImage(plain, createVolume(new Int16Array(8), [1, 2, 2, 2], axisAlignedGeometry([1, 1, 1])));
      const bytes = await readFile(plain);
      bytes.writeFloatLE(352 + zeros.length, 108); // vox_offset
      const nifti = join(folder, "far.nii.gz");
      await writeFile(
        nifti,
        gzipSync(Buffer.concat([bytes.subarray(0, 352), zeros, bytes.subarray(352)]), { level: 1 }),
      );
      await expect(readImage(nifti)).rejects.toThrow(
        `${nifti}: the header has 83886432 bytes before the compressed voxels, at most 67108864 are passed over; the header is wrong`,
      );
      const nrrd = join(folder, "far.nrrd");
      const header = `NRRD0004\ntype: uint8\ndimension: 3\nsizes: 2 2 2\nencoding: gzip\nbyte skip: ${zeros.length}\n\n`;
      await writeFile(nrrd, Buffer.concat([Buffer.from(header), gzipSync(Buffer.concat([zeros, Buffer.alloc(8)]))]));
      await expect(readImage(nrrd)).rejects.toThrow("83886080 bytes before the compressed voxels");
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test("behind the voxels", async () => {
    const folder = await mkdtemp(join(tmpdir(), "nnunet-limit-"));
    try {
      const header = Buffer.alloc(284); // MGH: version 1, 2 × 2 × 2 × 1 voxels of uint8
      for (const [i, value] of [1, 2, 2, 2, 1, 0].entries()) header.writeInt32BE(value, 4 * i);
      const path = join(folder, "tail.mgz");
      await writeFile(path, gzipSync(Buffer.concat([header, Buffer.alloc(8 + 1000)])));
      expect((await readImage(path)).shape).toEqual([1, 2, 2, 2]);
      await writeFile(path, gzipSync(Buffer.concat([header, Buffer.alloc(8), zeros]), { level: 1 }));
      await expect(readImage(path)).rejects.toThrow("there are over 67108864 more");
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
