import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { listDicomSeries, readDicom, readImage, readImageInfo } from "@nnunet/io";
import { dicomSlice, type SliceOptions, writeSeries } from "./dicom-files.ts";
import { scratchFolder } from "./nifti-files.ts";

const folder = join(scratchFolder(), "series");
const heights = [2.5, 0, 5, 7.5];
const pixelsAt = (z: number) => Int16Array.from({ length: 12 }, (_, i) => 1000 + 100 * z + i);
const series = (zs: readonly number[], more = {}) =>
  zs.map((z) => dicomSlice({ position: [10, -20, z], pixels: pixelsAt(z), ...more }));
const failure = (slices: Buffer[]) =>
  readImage(writeSeries(folder, slices)).then(
    () => "read",
    (e: Error) => e.message,
  );

describe("a DICOM series", () => {
  test.each([false, true])("slices by position, rescaled, whatever their names (implicit %s)", async (implicit) => {
    writeSeries(folder, series(heights, { implicit }));
    writeFileSync(join(folder, "README.txt"), "notes");
    const volume = await readImage(folder);
    expect(volume.shape).toEqual([1, 4, 3, 4]);
    expect(volume.geometry).toEqual({
      spacing: [2.5, 0.75, 0.5],
      origin: [10, -20, 0],
      direction: [1, 0, 0, 0, 1, 0, 0, 0, 1],
    });
    const expected = [0, 2.5, 5, 7.5].flatMap((z) => [...pixelsAt(z)].map((v) => v - 1024));
    expect(Array.from(volume.data)).toEqual(expected);
    expect((await readImageInfo(folder)).geometry).toEqual(volume.geometry);
  });

  test("a sagittal stack", async () => {
    const slices = [0, 1, 2].map((x) =>
      dicomSlice({ position: [x * 3, 1, 2], orientation: [0, 1, 0, 0, 0, -1], pixels: pixelsAt(x) }),
    );
    const volume = await readImage(writeSeries(folder, slices));
    // Columns run along y, rows along −z; their normal points to −x, so the last slice comes first.
    expect(volume.geometry).toEqual({
      spacing: [3, 0.75, 0.5],
      origin: [6, 1, 2],
      direction: [0, 0, -1, 1, 0, 0, 0, -1, 0],
    });
    expect(volume.data[0]).toBe(pixelsAt(2)[0]! - 1024);
  });

  test("one file is a series of one slice", async () => {
    writeSeries(folder, series([0]));
    expect((await readImage(join(folder, "IM0"))).geometry.spacing).toEqual([2.5, 0.75, 0.5]);
  });

  test("a long series is read in parts", async () => {
    const slices = Array.from({ length: 257 }, (_, i) =>
      dicomSlice({ position: [0, 0, i], pixels: Int16Array.from({ length: 12 }, (__, k) => 1024 + i + k) }),
    );
    rmSync(folder, { recursive: true });
    mkdirSync(folder);
    for (const [i, slice] of slices.entries()) writeFileSync(join(folder, `IM${(i * 100) % 257}`), slice);
    const volume = await readImage(folder);
    expect(volume.shape).toEqual([1, 257, 3, 4]);
    expect(Array.from(volume.data)).toEqual(Array.from({ length: 257 * 12 }, (_, i) => Math.floor(i / 12) + (i % 12)));
  });

  test("a missing slice", async () => {
    expect(await failure(series([0, 2.5, 7.5, 10, 12.5]))).toBe(
      `${folder} → ImagePositionPatient: 1 slice is missing: IM7 and IM1 are 5.000 mm apart, the others 2.500 mm; get the whole series`,
    );
  });

  test("uneven and doubled slices", async () => {
    expect(await failure(series([0, 2.5, 5, 8, 10.5]))).toBe(
      `${folder} → ImagePositionPatient: IM1 and IM8 are 3.000 mm apart, the others 2.500 mm; slices must be evenly spaced, resample the series`,
    );
    expect(await failure(series([0, 2.5, 2.5, 5]))).toBe(
      `${folder} → ImagePositionPatient: IM1 and IM7 lie in the same place; remove one, or separate the two series`,
    );
  });

  test("two series: says so, and reads the one that is chosen", async () => {
    const slices = [...series([0, 2.5], { seriesUid: "1.1" }), ...series([0, 2.5, 5], { seriesUid: "1.2" })];
    expect(await failure(slices)).toBe(
      `${folder}: there are 2 series in it (1.1 with 2 slices, 1.2 with 3 slices); choose one with \`seriesUid\`, or put each into a folder of its own`,
    );
    expect((await listDicomSeries(folder)).map(({ seriesUid, files }) => [seriesUid, files.length])).toEqual([
      ["1.1", 2],
      ["1.2", 3],
    ]);
    expect((await readDicom(folder, { seriesUid: "1.2" })).shape).toEqual([1, 3, 3, 4]);
  });

  test("a slice of another patient or modality, whoever they are", async () => {
    const slice = (z: number, options: SliceOptions) => dicomSlice({ position: [10, -20, z], ...options });
    const named = [slice(0, {}), slice(2.5, { patientId: "A" }), slice(5, { patientId: "A" })];
    expect((await readDicom(writeSeries(folder, named))).shape).toEqual([1, 3, 3, 4]);
    const mixed = [...named, slice(7.5, { patientId: "B" })];
    expect(await failure(mixed)).toBe(
      `${folder}/IM8 → PatientID: it is of another patient than IM1, in the same series; take the files apart, one folder for each`,
    );
    expect(await failure([slice(0, {}), slice(2.5, { modality: "MR" })])).toBe(
      `${folder}/IM7 → Modality: it is of another modality than IM0, in the same series; take the files apart, one folder for each`,
    );
  });

  test("a slice of another size, orientation, or out of line", async () => {
    expect(await failure([...series([0, 2.5]), dicomSlice({ position: [10, -20, 5], rows: 5 })])).toBe(
      `${folder}: there are 2 volumes in one series (1: 2 slices, 4 × 3 pixels of 0.5 × 0.75 mm, orientation 1 0 0 0 1 0; 2: 1 slice, 4 × 5 pixels of 0.5 × 0.75 mm, orientation 1 0 0 0 1 0); choose one with \`volume\` 1 (its number), or put its files into a folder of their own`,
    );
    const turned = dicomSlice({ position: [10, -20, 5], orientation: [0, 1, 0, 1, 0, 0] });
    expect(await failure([...series([0, 2.5]), turned])).toBe(
      `${folder}: there are 2 volumes in one series (1: 2 slices, 4 × 3 pixels of 0.5 × 0.75 mm, orientation 1 0 0 0 1 0; 2: 1 slice, 4 × 3 pixels of 0.5 × 0.75 mm, orientation 0 1 0 1 0 0); choose one with \`volume\` 1 (its number), or put its files into a folder of their own`,
    );
    const tilted = [0, 2.5, 5].map((z) => dicomSlice({ position: [0, z, z] }));
    expect(await failure(tilted)).toBe(
      `a stack whose slices are shifted against each other (gantry tilt of 45.0°: IM0 and IM7 by 2.500 mm; ${folder}) is not supported; resample the series`,
    );
  });

  test("files that are cut off, empty, no DICOM, or of several frames", async () => {
    const whole = dicomSlice({ position: [0, 0, 5] });
    const cut = (n: number) => failure([...series([0, 2.5]), whole.subarray(0, n)]);
    expect(await cut(whole.length - 2)).toBe(
      `${folder}/IM1 → PixelData: expected 24 bytes (4 × 3 pixels of 16 bits), got 22; the file is cut off`,
    );
    expect(await cut(400)).toBe(
      `${folder}/IM1: the file ends in the middle of an element; it is cut off, get it again`,
    );
    expect(await cut(0)).toBe(`${folder}/IM1: the file is empty; get it again`);
    expect(await failure([Buffer.alloc(300)])).toBe(`${folder}: there is no DICOM file in it (IM0)`);
    expect(await failure([...series([0, 2.5]), Buffer.alloc(300)])).toBe(
      `${folder}/IM1: this is no DICOM file: "DICM" is missing at byte 128; remove it, or get it again`,
    );
    expect(await failure([dicomSlice({ frames: 5 })])).toBe(
      `${folder}/IM0 → PixelData: expected 120 bytes (5 frames of 4 × 3 pixels of 16 bits), got 24; the header is wrong or the file is damaged`,
    );
    expect(await failure([])).toBe(`${folder}: there is no DICOM file in it`);
  });

  test("every prefix of a slice is refused, none is read wrongly", async () => {
    const whole = dicomSlice();
    for (let n = 1; n < whole.length; n += 5) expect(await failure([whole.subarray(0, n)])).not.toBe("read");
  });
});
