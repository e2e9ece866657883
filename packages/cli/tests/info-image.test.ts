import { createWriteStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { expect, test } from "@jest/globals";
import { writeTinyDataset } from "../../pipeline/tests/tiny-dataset.ts";
import { nnunet } from "./run-nnunet.ts";

async function withScratch(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "nnunet-info-"));
  try {
    await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** An honest NIfTI of zeros, uint8, n³ voxels, in a gzip of a thousandth of that. */
async function writeZeros(path: string, n: number): Promise<void> {
  const header = Buffer.alloc(352);
  header.writeInt32LE(348, 0);
  for (const [i, value] of [3, n, n, n, 1, 1, 1, 1].entries()) header.writeInt16LE(value, 40 + 2 * i);
  header.writeInt16LE(2, 70);
  header.writeInt16LE(8, 72);
  for (const i of [0, 1, 2, 3]) header.writeFloatLE(1, 76 + 4 * i);
  header.writeFloatLE(352, 108);
  header.write("n+1\0", 344, "latin1");
  const slices = Array.from({ length: n }, () => Buffer.alloc(n * n));
  await pipeline(Readable.from([header, ...slices]), createGzip({ level: 1 }), createWriteStream(path));
}

test("info reads of a huge image no more than its header", () =>
  withScratch(async (folder) => {
    const path = join(folder, "zeros.nii.gz");
    await writeZeros(path, 660); // 2.9e8 voxels
    const { code, stdout } = await nnunet("info", path);
    expect([code, stdout]).toEqual([0, expect.stringContaining("660 × 660 × 660 voxels")]);
    expect(stdout).toContain("values not looked at");
  }));

test("verify says that fewer than five cases are no cross-validation", () =>
  withScratch(async (folder) => {
    const raw = join(folder, "raw");
    await writeTinyDataset(raw, { name: "Dataset008_Few", prefix: "few", trainingCases: 4, testCases: 0 });
    const few = await nnunet("verify", "8", "--raw", raw);
    expect([few.code, few.stdout]).toEqual([0, expect.stringContaining('only fold "all" can be trained')]);
    await writeTinyDataset(raw, { name: "Dataset009_Five", prefix: "five", trainingCases: 5, testCases: 0 });
    expect((await nnunet("verify", "9", "--raw", raw)).stdout).not.toContain("cross-validation");
  }));
