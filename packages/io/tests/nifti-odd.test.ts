import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "@jest/globals";
import type { ImageWarning } from "@nnunet/io";
import { readImage, writeImage } from "@nnunet/io";
import { affineOf, scratchFolder } from "./nifti-files.ts";

interface OddEntry {
  readonly name: string;
  readonly header: string;
  /** 3 × 4, RAS; null where that reader refuses the file or gives no usable numbers. */
  readonly nibabel: readonly number[] | null;
  readonly itk: readonly number[] | null;
}

const folder = scratchFolder();
const path = join(folder, "odd.nii");
const entries: OddEntry[] = JSON.parse(
  readFileSync(process.env["NNUNET_ODD_NIFTI"] ?? new URL("./fixtures/nifti-odd.json", import.meta.url), "utf8"),
).entries;

function write({ header }: OddEntry): Buffer {
  const bytes = Buffer.concat([
    gunzipSync(Buffer.from(header, "base64")),
    Buffer.from(Int16Array.from({ length: 24 }, (_, i) => i).buffer),
  ]);
  writeFileSync(path, bytes);
  return bytes;
}

const close = (a: readonly number[], b: readonly number[]) =>
  a.every((v, i) => Math.abs(v - b[i]!) <= 2e-4 * Math.max(1, Math.abs(v)));

async function read(): Promise<{ affine: number[]; warnings: ImageWarning[] } | undefined> {
  const warnings: ImageWarning[] = [];
  try {
    const volume = await readImage(path, { onWarning: (warning) => warnings.push(warning) });
    expect([...volume.data]).toEqual([...Array(24).keys()]);
    return { affine: affineOf(volume.geometry).slice(0, 12), warnings };
  } catch {
    return undefined;
  }
}

describe("headers that contradict themselves (tools/fixtures/io/nifti_odd.py)", () => {
  test("where nibabel and ITK agree, we read the same; where they do not, what one of them reads, or nothing", async () => {
    for (const entry of entries) {
      write(entry);
      const ours = await read();
      const { name, nibabel, itk } = entry;
      if (nibabel && itk && close(nibabel, itk))
        expect([name, ours && close(ours.affine, nibabel)]).toEqual([name, true]);
      else if (ours) {
        expect([name, [nibabel, itk].some((one) => one && close(ours.affine, one))]).toEqual([name, true]);
      }
    }
  });

  test("what is wrong and read nevertheless is told", async () => {
    const told = async (name: string) => {
      write(entries.find((entry) => entry.name === name)!);
      return (await read())!.warnings.map(({ field, problem }) => `${field}: ${problem}`.replace(/\d+\.\d+/, "N"));
    };
    expect(await told("in order; both")).toEqual([]);
    expect(await told("sform of zeros; both")).toEqual([
      "srow: the sform matrix is all zeros; the image is placed by the qform",
    ]);
    expect(await told("bitpix 8; sform")).toEqual(["bitpix: expected 16 for datatype int16, got 8; the type is taken"]);
    expect(await told("unit 7; both")).toEqual([
      "xyzt_units: 7 is not a unit of length; the spacing is taken as millimetres",
    ]);
    expect((await told("all spacings 0; sform"))[0]).toBe(
      "pixdim[1]: the spacing is 0, but N mm by the sform, which is taken",
    );
    expect((await told("all spacings 0; qform"))[0]).toBe("pixdim[1]: the spacing is 0; it is taken as 1 mm");
    expect(await told("another spacing; sform")).toHaveLength(1);
    expect(await told("a vox_offset of 352.5; both")).toEqual([
      "vox_offset: expected a whole number, got N; 352 is taken",
    ]);
    expect(await told("an infinite slope; both")).toEqual([
      "scl_slope: expected a finite number, got Infinity; the values are taken as they are stored",
    ]);
  });
});

describe("a result on the grid of an image places it by the image's own words", () => {
  /** pixdim with qfac, unit, both codes, both forms. */
  const words = (bytes: Buffer) =>
    [bytes.subarray(76, 92), bytes.subarray(123, 124), bytes.subarray(252, 328)].map((part) => part.toString("hex"));

  test("bit for bit, whatever the two forms and their codes say", async () => {
    for (const entry of entries) {
      const bytes = write(entry);
      const volume = await readImage(path).catch(() => undefined);
      if (!volume) continue;
      const result = join(folder, "result.nii");
      await writeImage(result, { ...volume, data: new Uint8Array(24) });
      expect([entry.name, words(readFileSync(result))]).toEqual([entry.name, words(bytes)]);
    }
  });

  test("not once the grid is another: of other shape, or moved", async () => {
    const entry = entries.find(({ name }) => name === "sform elsewhere; both")!;
    const bytes = write(entry);
    const volume = await readImage(path);
    const result = join(folder, "result.nii");
    await writeImage(result, { ...volume, data: volume.data.slice(0, 12), shape: [1, 1, 3, 4] });
    expect(words(readFileSync(result))).not.toEqual(words(bytes));
    const [x, y, z] = volume.geometry.origin;
    const geometry = { ...volume.geometry, origin: [x + 1, y, z] as const };
    await writeImage(result, { ...volume, geometry });
    expect((await readImage(result)).geometry.origin[0]).toBeCloseTo(x + 1, 4);
  });

  test("with as many axes as the image has", async () => {
    for (const axes of [1, 2, 3]) {
      const bytes = write(entries.find(({ name }) => name === "in order; both")!);
      bytes.writeInt16LE(axes, 40);
      const extent = axes === 1 ? [24, 1, 1] : axes === 2 ? [12, 2, 1] : [4, 3, 2];
      for (const [i, n] of extent.entries()) bytes.writeInt16LE(n, 42 + 2 * i);
      writeFileSync(path, bytes);
      const volume = await readImage(path);
      const result = join(folder, "result.nii");
      await writeImage(result, { ...volume, data: new Uint8Array(24) });
      expect(readFileSync(result).readInt16LE(40)).toBe(axes);
      expect((await readImage(result)).shape).toEqual(volume.shape);
    }
  });
});

const cases = new URL("../../../../shared/cases/", import.meta.url);
const casesTest = existsSync(cases) ? test : test.skip;
if (!existsSync(cases)) console.warn("skipped: ../shared/cases is not here, so its images are not tried");
casesTest("two forms, no form and two axes of real cases survive", async () => {
  for (const name of [
    "two-forms/twoforms_0000.nii.gz",
    "two-forms/nocode_0000.nii.gz",
    "nifti-2d/imagesTr/case_000_0000.nii.gz",
  ]) {
    const from = new URL(name, cases).pathname;
    const volume = await readImage(from);
    const to = join(folder, "case.nii");
    await writeImage(to, volume);
    const [before, after] = [gunzipSync(readFileSync(from)), readFileSync(to)];
    for (const [start, end] of [
      [40, 48],
      [76, 92],
      [252, 328],
    ] as const) {
      expect([name, after.subarray(start, end)]).toEqual([name, before.subarray(start, end)]);
    }
  }
});
