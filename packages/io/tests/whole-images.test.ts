import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { beforeEach, describe, expect, test } from "@jest/globals";
import { axisAlignedGeometry, createVolume, type Volume } from "@nnunet/core";
import { convertDataset, fixDataset, readImage, verifyDataset, writeImage } from "@nnunet/io";
import { scratchFolder } from "./nifti-files.ts";

/*
 * An image is all its files, whatever is done with it: verified, put right, converted.
 */

const root = scratchFolder();
const source = join(root, "Task21_Whole");
const raw = join(root, "nnUNet_raw");
const target = join(raw, "Dataset021_Whole");
beforeEach(() => {
  rmSync(root, { recursive: true });
  mkdirSync(raw, { recursive: true });
});

const imageOf = (n: number): Volume =>
  createVolume(
    Uint16Array.from({ length: 24 }, (_, i) => 1000 * n + i),
    [1, 2, 3, 4],
    axisAlignedGeometry([80, 7.5, 7.25]),
  );
const labelOf = (n: number): Volume =>
  createVolume(
    Uint8Array.from({ length: 24 }, (_, i) => (i + n) % 2),
    [1, 2, 3, 4],
    axisAlignedGeometry([80, 7.5, 7.25]),
  );

async function makeSource(ending: string, json: object = { file_ending: ending }, compression = 1): Promise<void> {
  const training: object[] = [];
  for (const n of [1, 2]) {
    await writeImage(join(source, `imagesTr/c_${n}${ending}`), imageOf(n), { compression });
    await writeImage(join(source, `labelsTr/c_${n}${ending}`), labelOf(n), { compression });
    training.push({ image: `./imagesTr/c_${n}${ending}`, label: `./labelsTr/c_${n}${ending}` });
  }
  const described = { modality: { 0: "EM" }, labels: { 0: "background", 1: "a" }, numTraining: 2, training, ...json };
  writeFileSync(join(source, "dataset.json"), JSON.stringify(described));
}

async function expectVoxels(folder: string, ending: string): Promise<void> {
  for (const n of [1, 2]) {
    const image = await readImage(join(folder, `imagesTr/c_${n}_0000${ending}`));
    expect([...image.data]).toEqual([...imageOf(n).data]);
    expect(image.geometry.spacing).toEqual([80, 7.5, 7.25]);
    const label = await readImage(join(folder, `labelsTr/c_${n}${ending}`));
    expect([...label.data]).toEqual([...labelOf(n).data]);
    expect(label.geometry.spacing).toEqual([80, 7.5, 7.25]);
  }
}

/** With its source gone, so that nothing can point back. */
async function expectWhole(ending: string): Promise<void> {
  rmSync(source, { recursive: true });
  await expectVoxels(target, ending);
  expect((await verifyDataset(target)).problems).toEqual([]);
}

describe("convert", () => {
  test.each(
    [".hdr", ".hdr.gz", ".nhdr", ".mhd", ".tif", ".nii", ".nrrd"].flatMap(
      (e) =>
        [
          [e, 1],
          [e, 0],
        ] as const,
    ),
  )("keeps all files of %s (compression %d)", async (ending, compression) => {
    await makeSource(ending, undefined, compression);
    await convertDataset(source, raw);
    await expectWhole(ending);
  });

  test("takes the ending of the files, not the one that was usual", async () => {
    await makeSource(".nii", {});
    const dataset = await convertDataset(source, raw);
    expect(dataset.json.fileEnding).toBe(".nii");
    expect(readdirSync(join(target, "imagesTr"))).toEqual(["c_1_0000.nii", "c_2_0000.nii"]);
    await expectWhole(".nii");
  });

  test("also where dataset.json says another; files of other endings are written anew", async () => {
    await makeSource(".nii", { file_ending: ".nrrd" });
    await writeImage(join(source, "labelsTr/c_2.mha"), labelOf(2));
    const json = JSON.parse(readFileSync(join(source, "dataset.json"), "utf8"));
    json.training[1].label = "labelsTr/c_2.mha";
    writeFileSync(join(source, "dataset.json"), JSON.stringify(json));
    await convertDataset(source, raw);
    await expectWhole(".nii");
  });

  test("compresses what is called so and is not", async () => {
    await makeSource(".nii.gz");
    const path = join(source, "imagesTr/c_1.nii.gz");
    writeFileSync(path, gunzipSync(readFileSync(path)));
    await convertDataset(source, raw);
    expect(readFileSync(join(target, "imagesTr/c_1_0000.nii.gz"))[0]).toBe(0x1f);
    await expectWhole(".nii.gz");
  });

  test.each([".hdr", ".nhdr", ".mhd", ".nii.gz"])("does not follow a link out of the folder (%s)", async (ending) => {
    await makeSource(ending);
    for (const name of readdirSync(join(source, "labelsTr")).filter((file) => file.startsWith("c_1."))) {
      renameSync(join(source, "labelsTr", name), join(root, name));
      symlinkSync(join(root, name), join(source, "labelsTr", name));
      await expect(convertDataset(source, raw)).rejects.toThrow("is a link that leads out of");
      expect(readdirSync(raw)).toEqual([]);
      rmSync(join(source, "labelsTr", name));
      renameSync(join(root, name), join(source, "labelsTr", name));
    }
    await convertDataset(source, raw);
    await expectWhole(ending);
  });
});

describe("verify and --fix", () => {
  const fixed = join(raw, "Dataset022_Whole");

  test.each([".hdr", ".nhdr", ".mhd", ".tif"])("know the files of %s and copy them", async (ending) => {
    await makeSource(ending);
    await convertDataset(source, raw);
    writeFileSync(join(target, "imagesTr/stray.txt"), "x");
    const { report } = await fixDataset(target, fixed);
    expect(report.problems).toEqual([]);
    rmSync(target, { recursive: true });
    await expectVoxels(fixed, ending);
  });

  test("a header is no stray where the dataset is named after the voxel files", async () => {
    await makeSource(".hdr", { file_ending: ".img" });
    const json = readFileSync(join(source, "dataset.json"), "utf8").replaceAll(".hdr", ".img");
    writeFileSync(join(source, "dataset.json"), json);
    await convertDataset(source, raw);
    expect((await verifyDataset(target)).problems).toEqual([]);
    writeFileSync(join(target, "imagesTr/stray.txt"), "x");
    const { fixed: done, report } = await fixDataset(target, fixed);
    expect(done.map(({ file }) => file)).toEqual([join("imagesTr", "stray.txt")]);
    expect(report.problems).toEqual([]);
    rmSync(target, { recursive: true });
    await expectVoxels(fixed, ".img");
  });

  test.each([
    [".nii.gz", gunzipSync, "compressed, as its name says"],
    [".nii", gzipSync, "decompressed, as its name says"],
  ])("what was done about bytes that disagree with %s", async (ending, disagree, done) => {
    await makeSource(ending);
    await convertDataset(source, raw);
    const path = join(target, `imagesTr/c_1_0000${ending}`);
    writeFileSync(path, disagree(readFileSync(path)));
    const result = await fixDataset(target, fixed);
    expect(result.fixed.map((problem) => problem.done)).toEqual([done]);
    expect(result.report.problems).toEqual([]);
  });

  test("a geometry that is put right does not lose the voxels of its pair", async () => {
    await makeSource(".hdr");
    await convertDataset(source, raw);
    const moved = { ...axisAlignedGeometry([80, 7.5, 7.25]), origin: [0.0003, 0, 0] as const };
    await writeImage(join(target, "labelsTr/c_1.hdr"), {
      ...labelOf(1),
      data: Float64Array.from(labelOf(1).data),
      geometry: moved,
    });
    const { fixed: done, report } = await fixDataset(target, fixed);
    expect(done.map(({ kind }) => kind)).toEqual(["origin"]);
    expect(report.problems).toEqual([]);
    await expectVoxels(fixed, ".hdr");
  });

  test("a name that says otherwise than its bytes whether they are compressed", async () => {
    await makeSource(".nii.gz");
    await convertDataset(source, raw);
    const path = join(target, "labelsTr/c_1.nii.gz");
    writeFileSync(path, gunzipSync(readFileSync(path)));
    const { problems } = await verifyDataset(target);
    expect(problems).toMatchObject([
      {
        kind: "compression",
        severity: "warning",
        file: "labelsTr/c_1.nii.gz",
        problem: "the name ends in .gz, but the bytes are not compressed",
        fixable: true,
      },
    ]);
    const { report } = await fixDataset(target, fixed);
    expect(report.problems).toEqual([]);
    await expectVoxels(fixed, ".nii.gz");
  });

  test("the other way round, in a pair", async () => {
    await makeSource(".hdr");
    await convertDataset(source, raw);
    const path = join(target, "imagesTr/c_2_0000.img");
    writeFileSync(path, gzipSync(readFileSync(path)));
    expect((await verifyDataset(target)).problems.map(({ problem }) => problem)).toEqual([
      "the name does not end in .gz, but the bytes are compressed",
    ]);
    const { report } = await fixDataset(target, fixed);
    expect(report.problems).toEqual([]);
    await expectVoxels(fixed, ".hdr");
  });

  test("a link out of the dataset is not copied", async () => {
    await makeSource(".nii");
    await convertDataset(source, raw);
    writeFileSync(join(root, "secret.nii"), "somebody's");
    rmSync(join(target, "labelsTr/c_1.nii"));
    symlinkSync(join(root, "secret.nii"), join(target, "labelsTr/c_1.nii"));
    writeFileSync(join(target, "imagesTr/stray.txt"), "x");
    await expect(fixDataset(target, fixed)).rejects.toThrow("labelsTr/c_1.nii: is a link that leads out of");
    expect(readdirSync(raw)).toEqual(["Dataset021_Whole"]);
  });
});
