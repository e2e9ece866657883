import { mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { beforeEach, describe, expect, test } from "@jest/globals";
import { gzipSync } from "node:zlib";
import { type Geometry, noForeground } from "@nnunet/core";
import {
  findDatasetFolder,
  type ImageWarning,
  openDataset,
  type ReadImageOptions,
  readCase,
  readImage,
  writeImage,
  verifyDataset,
} from "@nnunet/io";
import { geometry, image, labels, makeDataset, volume, writeDatasetJson } from "./made-dataset.ts";
import { scratchFolder } from "./nifti-files.ts";

const root = scratchFolder();
let folder: string;
beforeEach(async () => {
  rmSync(root, { recursive: true });
  folder = await makeDataset(root);
});

describe("openDataset", () => {
  test("finds the files of every case", async () => {
    writeFileSync(join(folder, "imagesTr", "._a_0000.nii.gz"), "left by macOS");
    const dataset = await openDataset(folder);
    expect(dataset).toMatchObject({ folder, id: 7, name: "Dataset007_Made" });
    expect(dataset.trainingCases.map(({ id }) => id)).toEqual(["a", "b", "c"]);
    expect(dataset.trainingCases[1]).toEqual({
      id: "b",
      images: [join(folder, "imagesTr/b_0000.nii.gz"), join(folder, "imagesTr/b_0001.nii.gz")],
      label: join(folder, "labelsTr/b.nii.gz"),
    });
    expect(dataset.testCases.map(({ id, images }) => [id, ...images.map((f) => basename(f))])).toEqual([
      ["t", "t_0000.nii.gz", "t_0001.nii.gz"],
    ]);
  });

  test("takes explicit paths with environment variables", async () => {
    process.env["NNUNET_TEST_ELSEWHERE"] = join(folder, "imagesTr");
    const images = ["$" + "{NNUNET_TEST_ELSEWHERE}/a_0000.nii.gz", "$NNUNET_TEST_ELSEWHERE/a_0001.nii.gz"];
    writeDatasetJson(folder, { numTraining: 1, dataset: { one: { images, label: "labelsTr/a.nii.gz" } } });
    const { trainingCases } = await openDataset(folder);
    expect(trainingCases).toEqual([
      {
        id: "one",
        images: [join(folder, "imagesTr/a_0000.nii.gz"), join(folder, "imagesTr/a_0001.nii.gz")],
        label: join(folder, "labelsTr/a.nii.gz"),
        written: {
          [join(folder, "imagesTr/a_0000.nii.gz")]: images[0],
          [join(folder, "imagesTr/a_0001.nii.gz")]: images[1],
        },
      },
    ]);
    writeDatasetJson(folder, { numTraining: 1, dataset: { one: { images } } });
    await expect(openDataset(folder)).rejects.toHaveProperty(
      "message",
      `${folder}/dataset.json → dataset.one.label: this key is missing; a training case needs a label`,
    );
    writeDatasetJson(folder, { numTraining: 1, dataset: { one: { images, label: "labelsTr/a.nii.gz" } } });
    delete process.env["NNUNET_TEST_ELSEWHERE"];
    await expect(openDataset(folder)).rejects.toHaveProperty(
      "message",
      `${folder}/dataset.json → dataset: the environment variable NNUNET_TEST_ELSEWHERE in $` +
        "{NNUNET_TEST_ELSEWHERE}/a_0000.nii.gz is not set; set it or write the path out",
    );
  });

  test("a missing label or channel is named, and how many more are missing", async () => {
    rmSync(join(folder, "labelsTr/b.nii.gz"));
    await expect(openDataset(folder)).rejects.toHaveProperty(
      "message",
      `${folder}/labelsTr/b.nii.gz: the label of case b is missing; add the file or remove the case`,
    );
    rmSync(join(folder, "labelsTr/c.nii.gz"));
    await expect(openDataset(folder)).rejects.toThrow(
      "the label of case b is missing; add the file or remove the case (and 1 more file is missing; `verify()` lists them)",
    );
    rmSync(join(folder, "imagesTr/a_0000.nii.gz"));
    await expect(openDataset(folder)).rejects.toHaveProperty(
      "message",
      `${folder}/imagesTr/a_0000.nii.gz: channel 0 (T1) of case a is missing; add the file or remove the case`,
    );
  });

  test("refuses an empty folder, one without images, one with another name, and a file", async () => {
    const empty = join(root, "Dataset008_Empty");
    mkdirSync(empty);
    await expect(openDataset(empty)).rejects.toHaveProperty(
      "message",
      `${empty}/dataset.json: there is no dataset.json; write one (channel_names, labels, numTraining, file_ending), or make the dataset with \`convert()\``,
    );
    writeDatasetJson(empty, {});
    mkdirSync(join(empty, "imagesTr"));
    await expect(openDataset(empty)).rejects.toHaveProperty(
      "message",
      `${empty}/imagesTr: there is no training case; expected files such as case_0000.nii.gz`,
    );
    await expect(openDataset(root)).rejects.toThrow(
      "the folder of a dataset is called DatasetNNN_Name, such as Dataset004_Hippocampus; rename it, or convert it first",
    );
    await expect(openDataset(join(root, "Dataset009_None"))).rejects.toHaveProperty(
      "message",
      `${root}/Dataset009_None: could not be opened: no such file or folder`,
    );
  });

  test("refuses a channel that dataset.json does not name", async () => {
    await writeImage(join(folder, "imagesTr/a_0002.nii.gz"), image(9));
    await expect(openDataset(folder)).rejects.toHaveProperty(
      "message",
      `${folder}/imagesTr/a_0002.nii.gz: dataset.json names 2 channels, so there is no channel 2; remove the file or name the channel in channel_names`,
    );
  });
});

describe("findDatasetFolder", () => {
  test("by id, padded id, name and path", async () => {
    for (const wanted of [7, "7", "007", "Dataset007_Made", folder]) {
      expect(await findDatasetFolder(root, wanted)).toBe(folder);
    }
  });
  test("an unknown id is refused with the datasets that there are, a shared one with both names", async () => {
    await expect(findDatasetFolder(root, 5)).rejects.toHaveProperty(
      "message",
      `${root}: there is no dataset 5 (found Dataset007_Made); convert it first, or give its folder`,
    );
    mkdirSync(join(root, "Dataset007_Other"));
    await expect(findDatasetFolder(root, "7")).rejects.toHaveProperty(
      "message",
      `${root}: Dataset007_Made and Dataset007_Other have the same id; name one of them in full`,
    );
  });
});

describe("test images keep nobody from training", () => {
  test("with surplus or missing channels, or a file where the folder should be", async () => {
    for (const c of [2, 3]) await writeImage(join(folder, `imagesTs/t_000${c}.nii.gz`), image(60 + c));
    await writeImage(join(folder, "imagesTs/u_0001.nii.gz"), image(70));
    const { trainingCases, testCases, json } = await openDataset(folder);
    expect(trainingCases).toHaveLength(3);
    await expect(readCase(testCases[0]!, json)).rejects.toThrow(
      "case t has 4 channels, dataset.json names 2 (T1, T2); correct one of them",
    );
    await expect(readCase(testCases[1]!, json)).rejects.toThrow(
      `${folder}/imagesTs/u_0000.nii.gz: could not be read: no such file or folder`,
    );
    const { ok, problems } = await verifyDataset(folder);
    expect(ok).toBe(true);
    expect(problems.map(({ kind, severity, case: id }) => [kind, severity, id])).toEqual([
      ["extra-file", "warning", "t"],
      ["extra-file", "warning", "t"],
      ["missing-file", "warning", "u"],
    ]);
    rmSync(join(folder, "imagesTs"), { recursive: true });
    writeFileSync(join(folder, "imagesTs"), "no folder");
    expect((await openDataset(folder)).testCases).toEqual([]);
    expect((await verifyDataset(folder)).problems).toMatchObject([{ kind: "unreadable", severity: "warning" }]);
  });
});

describe("a dataset that nothing can be learned from", () => {
  test.each([0, 3])("every voxel %d: one error for the dataset", async (value) => {
    writeDatasetJson(folder, { labels: { background: 0, core: 1, rim: 2, ignore: 3 } });
    for (const id of ["a", "b", "c"]) {
      await writeImage(join(folder, `labelsTr/${id}.nii.gz`), volume(new Uint8Array(24).fill(value)));
    }
    const { ok, problems } = await verifyDataset(folder);
    expect(ok).toBe(false);
    expect(problems.filter(({ severity }) => severity === "error")).toMatchObject([
      { kind: "empty-foreground", case: "", file: "labelsTr", problem: noForeground },
    ]);
    await writeImage(join(folder, "labelsTr/c.nii.gz"), labels());
    expect((await verifyDataset(folder)).ok).toBe(true);
  });
});

describe("readCase", () => {
  const read = async (options: ReadImageOptions = {}, n = 0) => {
    const dataset = await openDataset(folder);
    return readCase(dataset.trainingCases[n]!, dataset.json, options);
  };
  const label = () => join(folder, "labelsTr/a.nii.gz");
  const second = () => join(folder, "imagesTr/a_0001.nii.gz");

  test("channels as float32, labels as int16, geometry of the file", async () => {
    const loaded = await read({}, 1);
    expect(loaded.id).toBe("b");
    expect(loaded.image.shape).toEqual([2, 2, 3, 4]);
    expect(loaded.image.data).toEqual(Float32Array.from([...image(2).data, ...image(3).data]));
    expect(loaded.image.geometry).toMatchObject(geometry);
    expect(loaded.label!.shape).toEqual([1, 2, 3, 4]);
    expect(loaded.label!.data).toEqual(Int16Array.from(labels().data));
  });

  test("one file may hold all channels", async () => {
    rmSync(second());
    const data = Float32Array.from([...image(7).data, ...image(8).data]);
    await writeImage(join(folder, "imagesTr/a_0000.nii.gz"), { data, shape: [2, 2, 3, 4], geometry });
    expect((await read()).image.data).toEqual(data);
    writeDatasetJson(folder, { channel_names: { 0: "T1", 1: "T2", 2: "T3" } });
    await expect(openDataset(folder).then((d) => readCase(d.trainingCases[0]!, d.json))).rejects.toThrow(
      /channel 2 \(T3\) of case b is missing/,
    );
  });

  test("another shape", async () => {
    await writeImage(label(), { ...labels(), shape: [1, 3, 2, 4] });
    await expect(read()).rejects.toHaveProperty(
      "message",
      `label ${label()} of case a: expected 4 × 3 × 2 voxels (x × y × z), got 4 × 2 × 3; all files of a case share one grid, that of ${folder}/imagesTr/a_0000.nii.gz`,
    );
  });

  test("another spacing", async () => {
    await writeImage(second(), image(1, { ...geometry, spacing: [3, 1, 0.75] }));
    await expect(read()).rejects.toHaveProperty(
      "message",
      `${second()} → spacing: expected [3,1,0.5] mm as in ${folder}/imagesTr/a_0000.nii.gz, got [3,1,0.75]; correct the header or resample the file`,
    );
  });

  test("labels whose voxels run the other way", async () => {
    await writeImage(label(), { ...labels(), geometry: { ...geometry, direction: [1, 0, 0, 0, -1, 0, 0, 0, 1] } });
    await expect(read()).rejects.toHaveProperty(
      "message",
      `${label()} → direction: expected [1,0,0,0,1,0,0,0,1] as in ${folder}/imagesTr/a_0000.nii.gz, got [1,0,0,0,-1,0,0,0,1]; its voxels run another way; reorient one of the two`,
    );
  });

  test.each(["origin", "direction", "spacing"] as const)(
    "a %s that differs by more than rounding: an error of a channel; of a label a warning, but for the spacing",
    async (field) => {
      const by = (change: number): Geometry => {
        const [c, d] = [Math.cos(change), Math.sin(change)];
        if (field === "direction") return { ...geometry, direction: [c, -d, 0, d, c, 0, 0, 0, 1] };
        const [first, ...others] = geometry[field];
        return { ...geometry, [field]: [first + change, ...others] };
      };
      await writeImage(second(), image(1, by(0.01)));
      await expect(read()).rejects.toMatchObject({ code: "IMAGE_FILE", field, path: second() });
      await writeImage(second(), image(1, by(1e-6)));
      await writeImage(label(), { ...labels(), geometry: by(0.01) });
      const told: ImageWarning[] = [];
      const reading = read({ onWarning: (warning) => told.push(warning) });
      if (field === "spacing") await expect(reading).rejects.toMatchObject({ field, path: label() });
      else {
        await reading;
        expect(told).toMatchObject([{ path: label(), field }]);
        expect(told[0]!.problem).toMatch(
          /, but \[.*\] in .*a_0000\.nii\.gz; its voxels are taken as those of the image$/,
        );
      }
      await writeImage(label(), { ...labels(), geometry: by(1e-6) });
      await read();
    },
  );

  // -200 · float32(0.01) + 2 is 4.5e-8, a hundred such steps higher 1 - 2e-8
  test("labels of scaled 16-bit integers with an intercept are the whole numbers that were meant, and no others", async () => {
    const path = label().replace(/\.gz$/, "");
    const scaled = async (values: readonly number[]) => {
      await writeImage(path, volume(Int16Array.from({ length: 24 }, (_, i) => values[i % 2]!)));
      const bytes = readFileSync(path);
      bytes.writeFloatLE(0.01, 112);
      bytes.writeFloatLE(2, 116);
      writeFileSync(label(), gzipSync(bytes));
    };
    await scaled([-200, -100]);
    expect((await readImage(label())).data[0]).not.toBe(0);
    expect((await read()).label!.data.slice(0, 4)).toEqual(Int16Array.of(0, 1, 0, 1));
    await scaled([-200, -101]);
    await expect(read()).rejects.toThrow(/the label 0\.99\d* is not declared/);
  });

  test("labels of scaled 32-bit integers are the float32 values that were meant", async () => {
    // 1428571428 · 7e-10 = 0.9999999996
    const stored = Int32Array.from({ length: 24 }, (_, i) => [0, 1428571428][i % 2]!);
    const path = label().replace(/\.gz$/, "");
    await writeImage(path, volume(stored));
    const bytes = readFileSync(path);
    bytes.writeFloatLE(7e-10, 112);
    bytes.writeFloatLE(0, 116);
    writeFileSync(label(), gzipSync(bytes));
    expect((await readImage(label())).data[1]).not.toBe(1);
    expect((await read()).label!.data.slice(0, 4)).toEqual(Int16Array.of(0, 1, 0, 1));
  });

  test.each([
    [Uint8Array.from({ length: 24 }, (_, i) => (i === 13 ? 3 : 1)), "the label 3 is not declared"],
    [Int16Array.from({ length: 24 }, (_, i) => (i === 13 ? -1 : 1)), "the label -1 is not declared"],
    [Float32Array.from({ length: 24 }, (_, i) => (i === 13 ? 1.5 : 1)), "the label 1.5 is not declared"],
    [Float32Array.from({ length: 24 }, (_, i) => (i === 13 ? Number.NaN : 1)), "the label NaN is not declared"],
    [Float64Array.from({ length: 24 }, (_, i) => (i === 13 ? 1e9 : 1)), "the label 1000000000 is not declared"],
  ])("an undeclared label (%#)", async (data, text) => {
    await writeImage(label(), volume(data));
    await expect(read()).rejects.toHaveProperty(
      "message",
      `${label()} → voxel (1, 0, 1) [x, y, z], RAS (9.5, -4, 10.5) mm: ${text}; dataset.json has 0, 1, 2: add it to "labels" or correct the file`,
    );
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY])("a voxel that is %d", async (value) => {
    await writeImage(second(), volume(Float32Array.from({ length: 24 }, (_, i) => (i === 23 ? value : i))));
    await expect(read()).rejects.toHaveProperty(
      "message",
      `${second()} → voxel (3, 2, 1) [x, y, z], RAS (8.5, -6, 10.5) mm: expected a number, got ${value}; repair the image or remove the case`,
    );
  });

  test("labels of several channels", async () => {
    await writeImage(label(), { data: new Uint8Array(48), shape: [2, 2, 3, 4], geometry });
    await expect(read()).rejects.toHaveProperty(
      "message",
      `${label()} → channels: expected one label per voxel, got 2 channels; write a file whose voxels are the numbers of the classes: 0, 1, 2, …, or a palette image with these indices`,
    );
  });

  test("regions and the ignore label are declared values; a number too large for float32 is none", async () => {
    writeDatasetJson(folder, {
      labels: { background: 0, whole: [1, 2], core: 2, ignore: 3 },
      regions_class_order: [1, 2],
    });
    await writeImage(label(), volume(Uint8Array.from({ length: 24 }, (_, i) => i % 4)));
    expect((await read()).label!.data[3]).toBe(3);
    await writeImage(second(), volume(new Float64Array(24).fill(1e300)));
    await expect(read()).rejects.toHaveProperty(
      "message",
      `${second()} → voxel (0, 0, 0) [x, y, z], RAS (10, -4, 7.5) mm: expected a number that float32 can hold, got 1e+300; repair the image or remove the case`,
    );
  });

  test("a file that is cut off", async () => {
    truncateSync(label(), readFileSync(label()).length - 9);
    await expect(read()).rejects.toHaveProperty(
      "message",
      `${label()}: the gzip data end early; the file is cut off, get it again`,
    );
  });
});
