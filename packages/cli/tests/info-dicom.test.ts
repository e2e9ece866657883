import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { dicomSlice } from "../../io/tests/dicom-files.ts";
import { nnunet, withScratch } from "./run-nnunet.ts";

const inFolder = async <T>(folder: string, work: () => Promise<T>): Promise<T> => {
  const before = process.cwd();
  process.chdir(folder);
  try {
    return await work();
  } finally {
    process.chdir(before);
  }
};

async function writeSlices(folder: string, heights: readonly number[]): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const [i, z] of heights.entries()) {
    await writeFile(join(folder, `IM${i}`), dicomSlice({ position: [10, -20, z] }));
  }
}

test("info tells of a series and of a file by relative paths, with spaces, umlauts and without an ending", () =>
  withScratch((scratch) =>
    inFolder(scratch, async () => {
      await writeSlices("Knie ü", [0, 2.5, 5]);
      await writeFile("IM.dcm", dicomSlice());
      const series = await nnunet("info", "Knie ü");
      expect([series.code, series.stderr]).toEqual([0, ""]);
      expect(series.stdout).toContain("Knie ü: a DICOM image (3 files)\n  4 × 3 × 3 voxels [x, y, z] of int32");
      for (const file of ["IM.dcm", "Knie ü/IM1"]) {
        const { code, stdout } = await nnunet("info", file);
        expect(code).toBe(0);
        expect(stdout).toContain(`${file}: a DICOM image (`);
        expect(stdout).toContain("  4 × 3 × 1 voxels [x, y, z] of int32");
      }
      expect((await inFolder("Knie ü", () => nnunet("info", "."))).stdout).toContain(".: a DICOM image (3 files)");
    }),
  ));

test("info says why a folder of DICOM files is no volume, and what was passed over beside one", () =>
  withScratch(async (scratch) => {
    const gap = join(scratch, "gap");
    await writeSlices(gap, [0, 2.5, 7.5, 10]);
    const { code, stderr } = await nnunet("info", gap);
    expect(stderr).toContain(`${gap} → ImagePositionPatient: 1 slice is missing: IM1 and IM2 are 5.000 mm apart`);
    expect(code).toBe(3);
    const whole = join(scratch, "whole");
    await writeSlices(whole, [0, 2.5]);
    await writeFile(join(whole, "README"), "notes\n");
    const { stdout } = await nnunet("info", whole);
    expect(stdout).toContain("  warning: passed over README, which is no DICOM");
  }));

test("info lists the series of a folder, and says how one is taken", () =>
  withScratch(async (scratch) => {
    const study = join(scratch, "study");
    await writeSlices(study, [0, 2.5]);
    await writeFile(join(study, "other"), dicomSlice({ seriesUid: "1.2.4" }));
    expect((await nnunet("info", study)).stdout).toBe(
      `${study}: 2 DICOM series, of which nnunet predict takes one with --series\n  CT, 2 files: 1.2.3\n  CT, 1 file: 1.2.4\n`,
    );
  }));
