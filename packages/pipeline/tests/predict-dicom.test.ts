import { existsSync, rmSync } from "node:fs";
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { datasetFromJson, type NnunetEvent } from "@nnunet/core";
import { readImage, readLabels, writeImage } from "@nnunet/io";
import { createPipeline, createPredictor, type LoadedPredictor, loadPredictor } from "@nnunet/pipeline";
import { dicomSlice, type SliceOptions, writeSeries } from "../../io/tests/dicom-files.ts";
import { foldersIn } from "./tiny-dataset.ts";

// A second or two each, but other test files may use the cores at the same time.
jest.setTimeout(240_000);

const fixture = fileURLToPath(new URL("../../interop/tests/fixtures/models/plain-3d-two-folds/", import.meta.url));
const nifti = join(fixture, "images", "test_0000.nii.gz");
const fast = { mirroring: false };
let scratch: string;
let series: string;
let predictor: LoadedPredictor;
const pipeline = () => createPipeline({}, foldersIn(scratch));

/** The image that the model knows as slices of 22 × 20 pixels, 2 mm apart. */
async function slices(options: SliceOptions = {}): Promise<Buffer[]> {
  const { data, shape } = await readImage(nifti);
  const [, nz, ny, nx] = shape;
  return Array.from({ length: nz }, (_, z) => {
    const own = data.subarray(z * ny * nx, (z + 1) * ny * nx);
    const pixels = Int16Array.from(own, (value) => Math.round(10 * value) + 1024);
    const placed = { rows: ny, columns: nx, frameOfReference: "1.2.77", position: [3, 4, 2 * z] };
    return dicomSlice({ ...placed, pixels, ...options });
  });
}

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "nnunet-dicom-"));
  series = writeSeries(join(scratch, "series"), await slices());
  predictor = await loadPredictor(join(fixture, "model"));
});
afterAll(async () => {
  await predictor?.dispose();
  await rm(scratch, { recursive: true, force: true });
});

const path = (name: string) => join(scratch, name);
const predict = (input: string, output: string, more = {}) =>
  pipeline().predict(predictor, input, path(output), { ...fast, ...more });
const failure = (work: Promise<unknown>) =>
  work.then(
    () => "no error",
    (error: Error) => error.message.replaceAll(`${scratch}/`, ""),
  );

/** The labels of a segmentation object in the slices of the series: empty ones at its ends are not in it. */
async function labelsOf(file: string): Promise<number[]> {
  const [part, image] = [await readLabels(file), await readImage(series)];
  const [, nz, ny, nx] = image.shape;
  const whole = new Array<number>(nz * ny * nx).fill(0);
  const first = Math.round((part.geometry.origin[2] - image.geometry.origin[2]) / image.geometry.spacing[0]);
  for (const [i, label] of part.data.entries()) whole[first * ny * nx + i] = label;
  return whole;
}

describe("a DICOM series", () => {
  test("gives a segmentation object with the voxels of the NIfTI file", async () => {
    expect(await predict(series, "seg.dcm")).toEqual([path("seg.dcm")]);
    await predict(series, "seg.nii.gz");
    const expected = Array.from((await readLabels(path("seg.nii.gz"))).data);
    expect(new Set(expected).size).toBe(3);
    expect(await labelsOf(path("seg.dcm"))).toEqual(expected);
    const bytes = await readFile(path("seg.dcm"));
    for (const text of ["shell", "core", "3d_fullres", "Nobody", "nnunet-ts", "1.2.77"])
      expect(bytes.includes(text)).toBe(true);
    expect(bytes.includes(scratch)).toBe(false);
    expect(await failure(predict(series, "seg.dcm"))).toBe(
      "seg.dcm: exists already; add `overwrite` to replace it, or choose another output",
    );
  });

  test("gives the same by a predictor in a thread of its own; one of several series is chosen", async () => {
    const both = writeSeries(path("both"), []);
    for (const [i, slice] of (await slices()).entries()) await writeFile(join(both, `A${i}`), slice);
    for (const [i, slice] of (await slices({ seriesUid: "1.2.4" })).entries())
      await writeFile(join(both, `B${i}`), slice);
    const embedded = await createPredictor(join(fixture, "model"), fast);
    try {
      const { id, segmentation } = await embedded.predict(series);
      expect(id).toBe("series");
      await predict(series, "reference.nii.gz");
      const reference = await readLabels(path("reference.nii.gz"));
      expect(Array.from(segmentation.data)).toEqual(Array.from(reference.data));
      expect(segmentation.geometry.origin).toEqual([3, 4, 0]);
      expect(await failure(embedded.predict(both))).toContain("choose one with `seriesUid`");
      const chosen = await embedded.predict(both, { seriesUid: "1.2.4" });
      expect(Array.from(chosen.segmentation.data)).toEqual(Array.from(reference.data));
    } finally {
      await embedded.dispose();
    }
    expect(await failure(predict(both, "both.dcm"))).toBe(
      "predict, case both: both: there are 2 series in it (1.2.3 with 18 slices, 1.2.4 with 18 slices); choose one with `seriesUid`, or put each into a folder of its own",
    );
    await predict(both, "both.dcm", { seriesUid: "1.2.4" });
    expect((await readFile(path("both.dcm"))).includes("1.2.4\0")).toBe(true);
  });

  test("that changes while it is segmented gives no file", async () => {
    const passing = writeSeries(path("passing"), await slices());
    const onEvent = (event: NnunetEvent) => {
      if (event.type === "progress" && event.item === undefined) rmSync(join(passing, "IM7"), { force: true });
      if (event.type === "message" && event.text.includes("patches")) rmSync(join(passing, "IM0"), { force: true });
    };
    const told = await failure(predict(passing, "passing.dcm", { onEvent }));
    expect(told).toContain("predict, case passing: passing");
    expect(existsSync(path("passing.dcm"))).toBe(false);
  });
});

describe("a folder of DICOM series", () => {
  test("gives an object for each, called as its folder; finished ones are kept, what is cut off is made again", async () => {
    await mkdir(path("many"));
    writeSeries(path("many/anna"), await slices());
    writeSeries(path("many/bob"), await slices({ seriesUid: "1.2.5" }));
    await writeFile(path("many/notes.txt"), "notes");
    const asked = { format: "dicom-seg", continue: true };
    await predict(path("many"), "out", asked);
    expect((await readdir(path("out"))).filter((name) => name.endsWith(".dcm"))).toEqual(["anna.dcm", "bob.dcm"]);
    const before = await readFile(path("out/bob.dcm"));
    const { mtimeMs } = await stat(path("out/anna.dcm"));
    await writeFile(path("out/bob.dcm"), before.subarray(0, 1000));
    expect(await predict(path("many"), "out", asked)).toEqual([path("out/bob.dcm")]);
    expect(await readFile(path("out/bob.dcm"))).toEqual(before);
    expect((await stat(path("out/anna.dcm"))).mtimeMs).toBe(mtimeMs);
  });

  test("without the format gives files of the dataset's ending", async () => {
    await predict(path("many"), "plain");
    expect((await readdir(path("plain"))).filter((name) => name.endsWith(".nii.gz"))).toEqual([
      "anna.nii.gz",
      "bob.nii.gz",
    ]);
  });
});

describe("a NIfTI file that was converted from a series", () => {
  /** The image of the series as a converter writes it: rows the other way round, and in LPS of its own. */
  const converted = async (name: string) => {
    const { data, shape, geometry } = await readImage(series);
    const [, nz, ny, nx] = shape;
    const turned = data.slice();
    for (let z = 0; z < nz; z++)
      for (let y = 0; y < ny; y++) {
        const from = (z * ny + (ny - 1 - y)) * nx;
        turned.set(data.subarray(from, from + nx), (z * ny + y) * nx);
      }
    const [ox, oy, oz] = geometry.origin;
    const [a, b, c, d, e, f, g, h, i] = geometry.direction as readonly number[] as [
      number,
      number,
      number,
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    const origin = [ox, oy + (ny - 1) * geometry.spacing[1], oz] as const;
    const direction = [a, -b, c, d, -e, f, g, -h, i];
    await writeImage(path(name), { data: turned, shape, geometry: { ...geometry, origin, direction } });
    return path(name);
  };

  test("gives the object of the series, with the labels of the file where the slices are", async () => {
    const image = await converted("converted.nii.gz");
    await predict(image, "of-nifti.nii.gz");
    await predict(image, "of-nifti.dcm", { convertedFrom: series });
    const [, nz, ny, nx] = (await readImage(series)).shape;
    const file = (await readLabels(path("of-nifti.nii.gz"))).data;
    const expected = Array.from({ length: nz * ny * nx }, (_, v) => {
      const [z, y, x] = [Math.floor(v / (ny * nx)), Math.floor(v / nx) % ny, v % nx];
      return file[(z * ny + (ny - 1 - y)) * nx + x]!;
    });
    expect(new Set(expected).size).toBe(3);
    expect(await labelsOf(path("of-nifti.dcm"))).toEqual(expected);
    expect((await readFile(path("of-nifti.dcm"))).includes("1.2.77")).toBe(true);
  });

  test("and a folder of them gives the objects of series called as the cases; another series makes them anew", async () => {
    await mkdir(path("niftis"));
    await mkdir(path("their-series"));
    await copyFile(await converted("one.nii.gz"), path("niftis/one_0000.nii.gz"));
    writeSeries(path("their-series/one"), await slices());
    const asked = { format: "dicom-seg", convertedFrom: path("their-series"), continue: true };
    expect(await predict(path("niftis"), "objects", asked)).toEqual([path("objects/one.dcm")]);
    expect(await predict(path("niftis"), "objects", asked)).toEqual([]);
    writeSeries(path("their-series/one"), await slices({ seriesUid: "1.2.99" }));
    expect(await predict(path("niftis"), "objects", asked)).toEqual([path("objects/one.dcm")]);
    expect((await readFile(path("objects/one.dcm"))).includes("1.2.99")).toBe(true);
  });

  test("is refused beside a series that lies elsewhere, with both places, before any work", async () => {
    const image = await converted("elsewhere.nii.gz");
    const other = writeSeries(path("other"), (await slices()).slice(1));
    expect(await failure(predict(image, "elsewhere.dcm", { convertedFrom: other }))).toMatch(
      /^predict, case elsewhere: elsewhere\.nii\.gz: the image has 20 × 22 × 18 voxels of 0\.5 × 0\.75 × 2 mm from \(3, 19\.75, 0\), the series other 20 × 22 × 17 voxels of 0\.5 × 0\.75 × 2 mm from \(3, 4, 2\); take the series that was segmented$/,
    );
    expect(existsSync(path("elsewhere.dcm"))).toBe(false);
  });

  test("needs an output that names a series", async () => {
    const image = await converted("plain.nii.gz");
    expect(await failure(predict(image, "plain-seg.nii.gz", { convertedFrom: series }))).toContain(
      "convertedFrom: expected an output that ends with .dcm, or a folder with `format` dicom-seg",
    );
  });
});

describe("what cannot be a segmentation object is refused before any work", () => {
  test("an image that is no DICOM, among others too", async () => {
    const because =
      "is no DICOM series, and a DICOM segmentation belongs to one, whose patient and study it repeats; name the series, also by `convertedFrom` for an image that was made of it, or write .nii.gz";
    expect(await failure(predict(nifti, "no.dcm"))).toBe(`predict, case test: ${nifti}: ${because}`);
    await mkdir(path("images"));
    await copyFile(nifti, path("images/a_0000.nii.gz"));
    expect(await failure(predict(path("images"), "none", { format: "dicom-seg" }))).toBe(
      `predict, case a: images/a_0000.nii.gz: ${because}`,
    );
    expect(existsSync(path("no.dcm"))).toBe(false);
    expect(existsSync(path("none"))).toBe(false);
  });

  test("a file of another ending with the format of objects; a choice that is not there", async () => {
    expect(await failure(predict(series, "a.nii.gz", { format: "dicom-seg" }))).toContain(
      "format: expected with dicom-seg an output folder, or a file that ends with .dcm, got",
    );
    expect(await failure(predict(series, "a.dcm", { seriesUid: "1.9" }))).toContain(
      "there is no series 1.9 (1.2.3 with 18 slices)",
    );
    expect(await failure(predict(series, "a.dcm", { volume: 2 }))).toContain("there is no volume 2 among its 1");
  });
});

test("codes of dataset.json are those of the object", async () => {
  const code = (value: string, meaning: string) => ({
    CodeValue: value,
    CodingSchemeDesignator: "SCT",
    CodeMeaning: meaning,
  });
  const { labels, channelNames } = predictor.metadata.dataset;
  const { labelCodes } = datasetFromJson(
    {
      channel_names: { 0: channelNames[0] },
      labels,
      label_codes: { core: { type: code("64033007", "Kidney"), modifier: code("7771000", "Left") } },
      numTraining: 1,
      file_ending: ".nii.gz",
    },
    "dataset.json",
  );
  const dataset = { ...predictor.metadata.dataset, labelCodes: labelCodes! };
  const coded = { ...predictor, metadata: { ...predictor.metadata, dataset } };
  await pipeline().predict(coded, series, path("coded.dcm"), fast);
  const bytes = await readFile(path("coded.dcm"));
  for (const text of ["64033007", "Kidney", "7771000", "Left"]) expect(bytes.includes(text)).toBe(true);
});
