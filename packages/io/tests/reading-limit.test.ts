import { mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "@jest/globals";
import { axisAlignedGeometry, createVolume } from "@nnunet/core";
import { readImage, readImageInfo, writeImage } from "@nnunet/io";

test("an image of more voxels than there is memory is refused from its header", async () => {
  const folder = await mkdtemp(join(tmpdir(), "nnunet-limit-"));
  try {
    const path = join(folder, "huge.nii");
    await writeFile(path, promising(5000, await smallNifti(folder)));
    await truncate(path, 352 + 2 * 5000 ** 3); // with a hole instead of voxels, which take no room on the disk
    await expect(readImage(path)).rejects.toThrow(
      /^reading \S+huge\.nii \(5000 × 5000 × 5000 voxels of int16\) needs 250 GB of memory, but only [\d.]+ GB are free; crop or resample the image/,
    );
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("a file that cannot hold the voxels that its header promises is called cut off, by its header alone and when it is read", async () => {
  const folder = await mkdtemp(join(tmpdir(), "nnunet-limit-"));
  try {
    const nifti = promising(32_767, await smallNifti(folder));
    const mgh = Buffer.alloc(284 + 8);
    for (const [i, value] of [1, 30_000, 30_000, 30_000, 1, 0].entries()) mgh.writeInt32BE(value, 4 * i);
    const sizes = "type: uint8\ndimension: 3\nsizes: 30000 30000 30000";
    const files: Record<string, Buffer> = {
      "plain.nii": nifti,
      "deflated.nii.gz": gzipSync(nifti),
      "plain.mgh": mgh,
      "deflated.mgz": gzipSync(mgh),
      "plain.nrrd": Buffer.from(`NRRD0004\n${sizes}\nencoding: raw\n\n12345678`),
      "deflated.nrrd": Buffer.concat([Buffer.from(`NRRD0004\n${sizes}\nencoding: gzip\n\n`), gzipSync("12345678")]),
      "text.nrrd": Buffer.from(`NRRD0004\n${sizes}\nencoding: text\n\n1 2 3 4\n`),
    };
    for (const [name, bytes] of Object.entries(files)) {
      const path = join(folder, name);
      await writeFile(path, bytes);
      for (const read of [readImage, readImageInfo]) {
        await expect(read(path)).rejects.toThrow(
          /: the header promises 3\d+ × 3\d+ × 3\d+ voxels of u?int\d+, which needs \d+ bytes, but there are .*\d.*; the file is cut off or its header is wrong$/,
        );
      }
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});

async function smallNifti(folder: string): Promise<Buffer> {
  const path = join(folder, "small.nii");
  await writeImage(path, createVolume(new Int16Array(8), [1, 2, 2, 2], axisAlignedGeometry([1, 1, 1])));
  return readFile(path);
}

/** With another length of all three axes in its header. */
function promising(length: number, nifti: Buffer): Buffer {
  for (const dimension of [42, 44, 46]) nifti.writeInt16LE(length, dimension);
  return nifti;
}

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
