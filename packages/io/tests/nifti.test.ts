import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { axisAlignedGeometry, createVolume, type Volume } from "@nnunet/core";
import { readImage, readImageInfo, writeImage } from "@nnunet/io";
import fc from "fast-check";
import { affineOf, loadEntries, scratchFolder, unpack } from "./nifti-files.ts";

const folder = scratchFolder();
const entries = loadEntries();
const named = (name: string) => entries.find((entry) => entry.name === name)!;

describe("agrees with nibabel", () => {
  test("the fixtures hold all 48 axis orders", () => {
    expect(new Set(entries.filter(({ name }) => name.startsWith("order")).map((e) => e.affine.join())).size).toBe(48);
  });

  test.each(entries.map((entry) => [entry.name, entry] as const))("%s", async (_, entry) => {
    const path = unpack(entry, folder);
    const volume = await readImage(path);
    expect(volume.shape).toEqual(entry.shape);
    // nibabel scales in float64, we store what was 8 or 16 bits wide as float32: one rounding.
    const expected = entry.voxels.map(Number);
    const rounded = volume.data instanceof Float32Array ? expected.map(Math.fround) : expected;
    expect(Array.from(volume.data)).toEqual(rounded);

    const affine = affineOf(volume.geometry);
    const wanted = entry.affine.slice(0, 12).map((v) => v + 0);
    // The quaternion's first part is √(1 − b² − c² − d²): near 180° a last-bit difference in the sum grows a hundredfold.
    const tolerance = /qform [0-9]|NIfTI-2/.test(entry.name) ? 2e-14 : 0;
    for (const [i, v] of affine.entries()) {
      const scale = Math.max(1, Math.abs(wanted[i]!));
      if (tolerance === 0) expect(Math.fround(v)).toBe(Math.fround(wanted[i]!));
      expect(Math.abs(v - wanted[i]!)).toBeLessThanOrEqual(Math.max(tolerance, 2e-16) * scale);
    }

    const info = await readImageInfo(path);
    expect(info.shape).toEqual(volume.shape);
    expect(info.geometry).toEqual(volume.geometry);
    expect(info.dataType).toBe(volume.data.constructor.name.replace("Array", "").toLowerCase());
  });
});

describe("writing what was read", () => {
  test.each(entries.map((entry) => [entry.name, entry] as const))("%s", async (_, entry) => {
    const volume = await readImage(unpack(entry, folder));
    const version = entry.name.includes("NIfTI-2") ? 2 : 1;
    // Every ending for some, one for all: each file written is synced to the disk, which takes its time.
    const endings = /^order xyz|2D|5D|pair/.test(entry.name) ? [".nii", ".nii.gz", ".hdr", ".img.gz"] : [".nii.gz"];
    for (const ending of endings) {
      const path = join(folder, `again${ending}`);
      await writeImage(path, volume, { version });
      const again = await readImage(path);
      expect(again.data).toEqual(volume.data);
      expect(again.shape).toEqual(volume.shape);
      expect(again.geometry).toEqual(volume.geometry);
    }
  });

  test("keeps the bits of the sform, the qform and pixdim", async () => {
    for (const entry of entries.filter(({ name }) => /^(order|oblique)/.test(name))) {
      const path = unpack(entry, folder);
      const out = join(folder, "bits.nii");
      await writeImage(out, await readImage(path));
      const before = readFileSync(path);
      const after = readFileSync(out);
      const floats = (bytes: Buffer, at: number, n: number) =>
        Array.from({ length: n }, (_, i) => bytes.readFloatLE(at + 4 * i) + 0);
      expect(floats(after, 80, 3)).toEqual(floats(before, 80, 3));
      if (before.readInt16LE(254) > 0) expect(floats(after, 280, 12)).toEqual(floats(before, 280, 12));
      else expect(floats(after, 256, 6)).toEqual(floats(before, 256, 6));
    }
  });

  test("writes sform and qform that agree, so that every program finds the image in the same place", async () => {
    const out = join(folder, "both.nii");
    const { asRead: _, ...geometry } = (await readImage(unpack(named("oblique sform 0 -1"), folder))).geometry;
    await writeImage(out, { ...(await readImage(unpack(named("oblique sform 0 -1"), folder))), geometry });
    const bytes = readFileSync(out);
    expect([bytes.readInt16LE(252), bytes.readInt16LE(254)]).toEqual([1, 1]);
    bytes.writeInt16LE(0, 254);
    writeFileSync(out, bytes);
    const byQform = affineOf((await readImage(out)).geometry);
    for (const [i, v] of named("oblique sform 0 -1").affine.slice(0, 12).entries())
      expect(byQform[i]).toBeCloseTo(v, 5);
  });

  test("any geometry survives to float32 precision and is stable from then on", async () => {
    const path = join(folder, "any.nii");
    const angle = fc.double({ min: -3.2, max: 3.2, noNaN: true });
    const length = fc.double({ min: 0.01, max: 50, noNaN: true });
    const place = fc.double({ min: -1000, max: 1000, noNaN: true });
    await fc.assert(
      fc.asyncProperty(angle, angle, length, length, length, place, async (a, b, sx, sy, sz, at) => {
        const direction = [Math.cos(a), -Math.sin(a) * Math.cos(b), Math.sin(a) * Math.sin(b)];
        direction.push(Math.sin(a), Math.cos(a) * Math.cos(b), -Math.cos(a) * Math.sin(b), 0, Math.sin(b), Math.cos(b));
        const geometry = { spacing: [sz, sy, sx], origin: [at, -at, 3], direction } as const;
        const volume = createVolume(new Uint8Array(2), [1, 1, 1, 2], geometry);
        await writeImage(path, volume);
        const once = await readImage(path);
        for (const [i, v] of affineOf(once.geometry).entries()) {
          const wanted = affineOf(geometry)[i]!;
          expect(Math.abs(v - wanted)).toBeLessThanOrEqual(6e-8 * Math.max(Math.abs(wanted), 1e-30));
        }
        await writeImage(path, once);
        expect((await readImage(path)).geometry).toEqual(once.geometry);
      }),
      { seed: 1, numRuns: 60 },
    );
  });

  test("an array that is a view of a larger one", async () => {
    const all = Int16Array.from({ length: 24 }, (_, i) => i);
    const path = join(folder, "view.nii.gz");
    await writeImage(path, createVolume(all.subarray(6, 18), [1, 2, 2, 3], axisAlignedGeometry([1, 1, 1])));
    expect((await readImage(path)).data).toEqual(all.slice(6, 18));
  });

  test("more than 32767 voxels along an axis makes NIfTI-2", async () => {
    const path = join(folder, "long.nii.gz");
    await writeImage(path, createVolume(new Uint8Array(40000), [1, 1, 1, 40000], axisAlignedGeometry([1, 1, 1])));
    expect(await readImageInfo(path)).toMatchObject({ format: "NIfTI-2", shape: [1, 1, 1, 40000] });
  });
});

test("units of metres and micrometres become millimetres, and stay exact when written", async () => {
  const bytes = Buffer.from(readFileSync(unpack(named("order xyz+++"), folder)));
  const path = join(folder, "units.nii");
  for (const [unit, factor] of [
    [1, 1000],
    [3, 0.001],
  ] as const) {
    bytes[123] = unit;
    writeFileSync(path, bytes);
    const volume = await readImage(path);
    expect(volume.geometry.spacing[0]).toBe(Math.fround(Math.fround(2.9) * factor));
    await writeImage(path, volume);
    expect((await readImage(path)).geometry).toEqual(volume.geometry);
  }
});

test("two volumes with the same voxels give the same bytes", async () => {
  const volume: Volume = createVolume(new Float32Array(27).fill(2), [1, 3, 3, 3], axisAlignedGeometry([1, 2, 3]));
  await writeImage(join(folder, "a.nii.gz"), volume);
  await writeImage(join(folder, "b.nii.gz"), volume);
  expect(readFileSync(join(folder, "a.nii.gz"))).toEqual(readFileSync(join(folder, "b.nii.gz")));
});
