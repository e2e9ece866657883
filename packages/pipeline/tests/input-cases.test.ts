import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { inputCases } from "@nnunet/pipeline";
import { dicomSlice, writeSeries } from "../../io/tests/dicom-files.ts";
import { withScratch } from "./tiny-dataset.ts";

const withFiles = (names: readonly string[], work: (folder: string) => Promise<void>) =>
  withScratch(async (folder) => {
    for (const name of names) await writeFile(join(folder, name), "");
    await work(folder);
  });

describe("the cases of a path", () => {
  test("channels are grouped, files without a suffix are cases, other files are left alone", () =>
    withFiles(
      ["a_0000.nii.gz", "a_0001.nii.gz", "b_0000.nii.gz", "b_0001.nii.gz", "notes.txt", ".hidden.nii"],
      async (folder) => {
        const cases = await inputCases(folder, ["T1", "T2"]);
        expect(cases.map(({ id, images }) => [id, images.length])).toEqual([
          ["a", 2],
          ["b", 2],
        ]);
        await expect(inputCases(folder, ["T1", "T2", "FLAIR"])).rejects.toThrow(
          `${join(folder, "a_0002.nii.gz")}: missing; the model needs it as channel 2 (FLAIR) of case a`,
        );
        expect((await inputCases(join(folder, "b_0001.nii.gz"), ["T1", "T2"]))[0]!.id).toBe("b");
      },
    ));

  test("a case whose name has a line break keeps its channels together", () =>
    withFiles(["a\nb_0000.nii.gz", "a\nb_0001.nii.gz"], async (folder) => {
      const [found, ...others] = await inputCases(folder, ["T1", "T2"]);
      expect([found!.id, found!.images.length, others.length]).toEqual(["a\nb", 2, 0]);
    }));

  test("an empty folder has none, and that is an error", () =>
    withFiles([], async (folder) => {
      await expect(inputCases(folder, ["T1"])).rejects.toThrow(
        "the folder is empty; expected images such as case_001_0000.nii.gz",
      );
    }));
});

describe("a number at the end of a name that is no channel of the model", () => {
  const patients = ["PID_0000.nii.gz", "PID_0001.nii.gz", "PID_0002.nii.gz"];
  const refused = (folder: string, channel: number) =>
    `${join(folder, `PID_000${channel}.nii.gz`)}: is channel ${channel} of case PID by its name, and the model has no channel but 0 (CT); if it is a case of its own, name it PID_000${channel}_0000.nii.gz, otherwise take it out of the folder`;

  test("three patients are no three channels: the second is refused, and so is their folder", () =>
    withFiles(patients, async (folder) => {
      await expect(inputCases(join(folder, "PID_0001.nii.gz"), ["CT"])).rejects.toThrow(refused(folder, 1));
      await expect(inputCases(folder, ["CT"])).rejects.toThrow(refused(folder, 1));
    }));

  test("nor where there is no _0000", () =>
    withFiles(["PID_0001.nii.gz", "PID_0003.nii.gz"], async (folder) => {
      await expect(inputCases(join(folder, "PID_0003.nii.gz"), ["CT"])).rejects.toThrow(refused(folder, 3));
      await expect(inputCases(folder, ["CT"])).rejects.toThrow(refused(folder, 1));
    }));

  test("the one image that a model of one channel can mean is taken where it is named itself", () =>
    withFiles(patients, async (folder) => {
      const named = join(folder, "PID_0000.nii.gz");
      expect(await inputCases(named, ["CT"])).toEqual([{ id: "PID", images: [named] }]);
    }));

  test("a case of four channels is refused by a model of two, whichever of its files is named", () =>
    withFiles(["a_0000.nrrd", "a_0001.nrrd", "a_0002.nrrd", "a_0003.nrrd"], async (folder) => {
      const message = `${join(folder, "a_0002.nrrd")}: is channel 2 of case a by its name, and the model has no channel but 0 (T1), 1 (T2)`;
      await expect(inputCases(folder, ["T1", "T2"])).rejects.toThrow(message);
      await expect(inputCases(join(folder, "a_0000.nrrd"), ["T1", "T2"])).rejects.toThrow(message);
    }));

  test("named as advised, each patient is a case", () =>
    withFiles(["PID_0001_0000.nii.gz", "PID_0002_0000.nii.gz"], async (folder) => {
      expect((await inputCases(folder, ["CT"])).map(({ id }) => id)).toEqual(["PID_0001", "PID_0002"]);
    }));
});

describe("a folder of DICOM files", () => {
  const slicesIn = (scratch: string, slices: readonly Buffer[]) => writeSeries(join(scratch, "series"), slices);

  test("is one case, whatever lies beside the slices", () =>
    withScratch(async (scratch) => {
      const folder = slicesIn(scratch, [dicomSlice(), dicomSlice({ position: [0, 0, 2.5] })]);
      await writeFile(join(folder, "README"), "notes\n");
      expect(await inputCases(folder, ["CT"])).toEqual([{ id: "series", images: [folder] }]);
    }));

  test("is refused with the reason that its reader gives, not as a folder without images", () =>
    withScratch(async (scratch) => {
      const folder = slicesIn(scratch, [dicomSlice({ frames: 5 })]);
      await expect(inputCases(folder, ["CT"])).rejects.toThrow(
        "IM0 → PixelData: expected 120 bytes (5 frames of 4 × 3 pixels of 16 bits), got 24",
      );
      await writeFile(join(folder, "IM0"), "no image\n");
      await expect(inputCases(folder, ["CT"])).rejects.toThrow("series: no image in it");
    }));

  test("with folders that hold one series each gives a case for each, and leaves other folders alone", () =>
    withScratch(async (scratch) => {
      for (const name of ["bob", "anna_0000"]) writeSeries(join(scratch, name), [dicomSlice()]);
      await mkdir(join(scratch, "notes"));
      await writeFile(join(scratch, "README"), "notes\n");
      expect(await inputCases(scratch, ["CT"])).toEqual([
        { id: "anna", images: [join(scratch, "anna_0000")] },
        { id: "bob", images: [join(scratch, "bob")] },
      ]);
    }));

  test("with several channels: a series is called as an image would be", () =>
    withScratch(async (scratch) => {
      for (const name of ["anna_0000", "anna_0001", "bob_0000"]) writeSeries(join(scratch, name), [dicomSlice()]);
      const anna = { id: "anna", images: [join(scratch, "anna_0000"), join(scratch, "anna_0001")] };
      expect(await inputCases(join(scratch, "anna_0000"), ["CT", "PET"])).toEqual([anna]);
      await expect(inputCases(scratch, ["CT", "PET"])).rejects.toThrow(
        "bob_0001: missing; the model needs it as channel 1 (PET) of case bob",
      );
      writeSeries(join(scratch, "bob_0001"), [dicomSlice()]);
      expect((await inputCases(scratch, ["CT", "PET"])).map(({ id }) => id)).toEqual(["anna", "bob"]);
    }));
});
