import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { createVolume, datasetFromJson, type Geometry, type ModelDataset, type Volume } from "@nnunet/core";
import {
  type ImageWarning,
  readDicomSource,
  readImage,
  readLabels,
  writeDicomSegmentation,
  writeImage,
} from "@nnunet/io";
import fc from "fast-check";
import { dicomLab } from "../src/dicom-seg/cielab.ts";
import { decimalString } from "../src/dicom-seg/decimal-string.ts";
import { dicomSlice, type SliceOptions, writeSeries } from "./dicom-files.ts";
import { scratchFolder } from "./nifti-files.ts";

const scratch = scratchFolder();
const series = join(scratch, "series");
const maker = { algorithm: "Dataset001_Test 3d_fullres", version: "nnunet-ts 0.1.0" };
const common = { channel_names: { 0: "CT" }, numTraining: 1, file_ending: ".nii.gz" };
const named = (labels: Record<string, number | number[]>, more = {}): ModelDataset =>
  datasetFromJson({ ...common, labels: { background: 0, ...labels }, ...more }, "dataset.json");
const organs = named({ liver: 1, spleen: 2 });

/** A series of 3 × 5 pixels, whose 15 bits a frame are no whole bytes. */
function madeSeries(slices = 4, options: SliceOptions = {}): string {
  const placed = { frameOfReference: "1.2.77", rows: 3, columns: 5, ...options };
  return writeSeries(
    series,
    Array.from({ length: slices }, (_, z) => dicomSlice({ ...placed, position: [10, -20, 2.5 * z] })),
  );
}

/** Numbers the voxels 0, 1, 2, 0, 1, … but for slice `empty`. */
function labelled(geometry: Geometry, slices = 4, empty = -1): Volume<Int16Array> {
  const data = Int16Array.from({ length: slices * 15 }, (_, i) =>
    Math.floor(i / 15) === empty ? 0 : ((i * 7) % 11) % 3,
  );
  return createVolume(data, [1, slices, 3, 5], geometry);
}

async function write(
  name: string,
  volume: (geometry: Geometry) => Volume,
  dataset = organs,
  heard: ImageWarning[] = [],
) {
  const path = join(scratch, name);
  const source = await readDicomSource(series);
  await writeDicomSegmentation(path, volume(source.geometry), source, {
    dataset,
    maker,
    onWarning: (warning) => heard.push(warning),
  });
  return path;
}

type Elements = Map<number, Buffer | Elements[]>;

/** A data set, explicit little endian: values, or the items of a sequence, by their tags. */
function elementsOf(bytes: Buffer): Elements {
  const found: Elements = new Map();
  for (let at = 0; at < bytes.length; ) {
    const tag = bytes.readUInt16LE(at) * 0x10000 + bytes.readUInt16LE(at + 2);
    if (tag === 0x52009230) return found; // frame by frame; nothing of it is asked for here
    const type = bytes.toString("latin1", at + 4, at + 6);
    const isLong = ["OB", "SQ"].includes(type);
    const length = isLong ? bytes.readUInt32LE(at + 8) : bytes.readUInt16LE(at + 6);
    const value = bytes.subarray(at + (isLong ? 12 : 8), at + (isLong ? 12 : 8) + length);
    found.set(tag, type === "SQ" ? itemsOf(value) : value);
    at += (isLong ? 12 : 8) + length;
  }
  return found;
}

function itemsOf(bytes: Buffer): Elements[] {
  const items: Elements[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt32LE(at + 4);
    items.push(elementsOf(bytes.subarray(at + 8, at + 8 + length)));
    at += 8 + length;
  }
  return items;
}

const one = (elements: Elements, tag: number) => (elements.get(tag) as Elements[] | undefined)?.[0];
const codeIn = (elements: Elements) => {
  const text = (tag: number) => (elements.get(tag) as Buffer).toString("latin1").trimEnd();
  return { CodeValue: text(0x00080100), CodingSchemeDesignator: text(0x00080102), CodeMeaning: text(0x00080104) };
};

const failure = (work: Promise<unknown>) =>
  work.then(
    () => "no error",
    (error: Error) => error.message,
  );

describe("a DICOM segmentation object", () => {
  test("read again it has the voxels and the geometry, also where a frame ends in the middle of a byte", async () => {
    madeSeries();
    const path = await write("odd.dcm", (geometry) => labelled(geometry));
    const [back, image] = [await readLabels(path), await readImage(series)];
    expect(Array.from(back.data)).toEqual(Array.from(labelled(image.geometry).data));
    expect(back.geometry).toEqual(image.geometry);
  });

  test("frames without a voxel are left out; a segment keeps its number where it is missing", async () => {
    madeSeries();
    const whole = readFileSync(await write("whole.dcm", (geometry) => labelled(geometry)));
    const path = await write("gap.dcm", (geometry) => labelled(geometry, 4, 1));
    expect(readFileSync(path).length).toBeLessThan(whole.length);
    expect(Array.from((await readLabels(path)).data)).toEqual(Array.from(labelled(organsGeometry, 4, 1).data));
    const only = await write("only-2.dcm", (geometry) => {
      const { data, shape } = labelled(geometry);
      return createVolume(
        data.map((label) => (label === 1 ? 0 : label)),
        shape,
        geometry,
      );
    });
    expect(new Set((await readLabels(only)).data)).toEqual(new Set([0, 2]));
  });

  test("nothing found is one empty segment over all slices", async () => {
    madeSeries();
    const path = await write("empty.dcm", (geometry) => createVolume(new Int16Array(60), [1, 4, 3, 5], geometry));
    const back = await readLabels(path);
    expect(back.shape).toEqual([1, 4, 3, 5]);
    expect(new Set(back.data)).toEqual(new Set([0]));
  });

  test("the same segmentation gives the same bytes, another one other identifiers", async () => {
    madeSeries();
    const bytes = (path: string) => readFileSync(path).toString("latin1");
    const first = bytes(await write("first.dcm", (geometry) => labelled(geometry)));
    expect(bytes(await write("second.dcm", (geometry) => labelled(geometry)))).toBe(first);
    const other = bytes(await write("third.dcm", (geometry) => labelled(geometry, 4, 2)));
    const uids = (text: string) => new Set(text.match(/2\.25\.\d+/g));
    expect(uids(first).size).toBe(4); // instance, series, dimensions, and this writer
    expect([...uids(other)].filter((uid) => uids(first).has(uid))).toHaveLength(1); // this writer
    for (const uid of uids(first)) expect(uid).toMatch(/^2\.25\.[1-9]\d{0,38}$/);
  });

  test("a NIfTI file of the segmentation, whose axes run otherwise, gives the same object", async () => {
    madeSeries();
    const straight = readFileSync(await write("straight.dcm", (geometry) => labelled(geometry)));
    const turned = createVolume(new Int16Array(60), [1, 5, 3, 4], {
      spacing: [0.5, 0.75, 2.5],
      origin: [12, -18.5, 0],
      direction: [0, 0, -1, 0, -1, 0, 1, 0, 0],
    });
    const { data } = labelled(organsGeometry);
    for (let z = 0; z < 4; z++)
      for (let y = 0; y < 3; y++)
        for (let x = 0; x < 5; x++) turned.data[((4 - x) * 3 + (2 - y)) * 4 + z] = data[(z * 3 + y) * 5 + x]!;
    await writeImage(join(scratch, "turned.nii.gz"), turned);
    const stored = await readLabels(join(scratch, "turned.nii.gz"));
    expect(readFileSync(await write("turned.dcm", () => stored))).toEqual(straight);
  });

  test("regions overlap: every voxel belongs to all segments that contain its label", async () => {
    madeSeries();
    const regions = named({ whole: [1, 2], core: 2 }, { regions_class_order: [1, 2] });
    const path = await write("regions.dcm", (geometry) => labelled(geometry), regions);
    expect(await failure(readLabels(path))).toContain("segments 1 and 2 overlap");
    expect(readFileSync(path).toString("latin1")).toContain("YES");
  });

  test("codes of a label, and of where it lies, are read back from its segment; without codes it has general ones", async () => {
    madeSeries();
    const code = (CodeValue: string, CodeMeaning: string) => ({
      CodeValue,
      CodingSchemeDesignator: "SCT",
      CodeMeaning,
    });
    const json = {
      type: code("108369006", "Neoplasm"),
      category: code("49755003", "Morphologically Abnormal Structure"),
      modifier: code("86049000", "Primary"),
      anatomic_region: code("10200004", "Liver"),
      anatomic_region_modifier: code("24028007", "Right"),
    };
    const coded = named({ growth: 1, lesion: 2 }, { label_codes: { growth: json } });
    const path = await write("coded.dcm", (geometry) => labelled(geometry), coded);
    const [growth, lesion] = elementsOf(readFileSync(path).subarray(132)).get(0x00620002) as Elements[];
    const [category, type, region] = [0x00620003, 0x0062000f, 0x00082218].map((tag) => one(growth!, tag)!);
    expect(codeIn(category!)).toEqual(json.category);
    expect(codeIn(type!)).toEqual(json.type);
    expect(codeIn(one(type!, 0x00620011)!)).toEqual(json.modifier);
    expect(codeIn(region!)).toEqual(json.anatomic_region);
    expect(codeIn(one(region!, 0x00082220)!)).toEqual(json.anatomic_region_modifier);
    expect(codeIn(one(lesion!, 0x0062000f)!)).toEqual(json.category);
    expect(lesion!.has(0x00082218)).toBe(false);
  });

  test("the patient's name stays byte for byte; with label names in other letters both become Unicode", async () => {
    const patient = Buffer.from("M\u00fcller^J\u00f6rg", "latin1");
    madeSeries(4, { patient, characterSet: "ISO_IR 100" });
    const plain = readFileSync(await write("latin.dcm", (geometry) => labelled(geometry)));
    expect(plain.includes(patient)).toBe(true);
    expect(plain.includes("ISO_IR 100")).toBe(true);
    const foreign = named({ 肝臓: 1, spleen: 2 });
    const unicode = readFileSync(await write("unicode.dcm", (geometry) => labelled(geometry), foreign));
    expect(unicode.includes("Müller^Jörg")).toBe(true);
    expect(unicode.includes("肝臓")).toBe(true);
    expect(unicode.includes("ISO_IR 192")).toBe(true);
    expect(unicode.includes("ISO_IR 100")).toBe(false);
    // Japanese sets switch by escape sequences: the patient's name is not touched, ours is written in ASCII.
    const japanese = Buffer.from("Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B", "latin1");
    madeSeries(4, { patient: japanese, characterSet: "\\ISO 2022 IR 87" });
    const bytes = readFileSync(
      await write("japanese.dcm", (geometry) => labelled(geometry), named({ Größe: 1, b: 2 })),
    );
    expect(bytes.includes(japanese)).toBe(true);
    expect(bytes.includes("Gro?e")).toBe(true);
  });

  test.each([
    ["1.6404483395484821", "1.64044833954848"],
    ["", "2.5"],
    ["-3", "2.5"],
    ["3", "3"],
  ])("a slice thickness of %p becomes one that DICOM allows", async (sliceThickness, expected) => {
    madeSeries(4, { sliceThickness });
    const bytes = readFileSync(await write("thick.dcm", (geometry) => labelled(geometry)));
    const at = bytes.indexOf(Buffer.from([0x18, 0, 0x50, 0, 0x44, 0x53])); // (0018,0050) DS
    const text = bytes.toString("latin1", at + 8, at + 8 + bytes.readUInt16LE(at + 6)).trim();
    expect(text).toBe(expected);
  });

  test("what belongs to the machine or its user is not in it", async () => {
    madeSeries();
    const text = readFileSync(await write("private.dcm", (geometry) => labelled(geometry))).toString("latin1");
    for (const secret of [scratch, basename(scratch)]) expect(text.includes(secret)).toBe(false);
  });

  test("identifiers that the source lacks are made up, and told", async () => {
    madeSeries(4, { frameOfReference: "", seriesUid: "" });
    const heard: ImageWarning[] = [];
    const path = await write("made-up.dcm", (geometry) => labelled(geometry), organs, heard);
    expect(heard).toEqual([
      {
        path: series,
        field: "SeriesInstanceUID, FrameOfReferenceUID",
        problem: "missing; identifiers were made up, so that archives will not file the segmentation with its images",
      },
    ]);
    expect((await readLabels(path)).shape).toEqual([1, 4, 3, 5]);
  });
});

describe("what is no segmentation of a series is refused by a true sentence", () => {
  test("a source that is no DICOM, a segmentation itself, or says no place", async () => {
    const nifti = join(scratch, "image.nii.gz");
    await writeImage(nifti, labelled(organsGeometry));
    expect(await failure(readDicomSource(nifti))).toBe(
      `${nifti}: is no DICOM series, and a DICOM segmentation belongs to one, whose patient and study it repeats; name the series, also by \`convertedFrom\` for an image that was made of it, or write .nii.gz`,
    );
    madeSeries();
    const path = await write("itself.dcm", (geometry) => labelled(geometry));
    expect(await failure(readDicomSource(path))).toBe(
      `${path}: is a segmentation itself; name the series of images that it belongs to`,
    );
  });

  test("a segmentation of another size, or that lies elsewhere", async () => {
    madeSeries();
    const moved = { ...organsGeometry, origin: [11, -20, 0] as const };
    const problem = (voxels: string, from: string) =>
      `${join(scratch, "x.dcm")}: the segmentation has ${voxels} voxels of 0.5 × 0.75 × 2.5 mm from (${from}), the series ${series} 5 × 3 × 4 voxels of 0.5 × 0.75 × 2.5 mm from (10, -20, 0); take the series that was segmented`;
    expect(await failure(write("x.dcm", () => labelled(moved)))).toBe(problem("5 × 3 × 4", "11, -20, 0"));
    expect(await failure(write("x.dcm", () => labelled(organsGeometry, 3)))).toBe(problem("5 × 3 × 3", "10, -20, 0"));
  });

  test("a voxel that is no label; slices in two systems of coordinates", async () => {
    madeSeries();
    expect(await failure(write("x.dcm", (geometry) => labelled(geometry), named({ liver: 1 })))).toBe(
      "segmentation: expected the labels of the dataset (0, 1) as voxels, got 2",
    );
    const slice = (z: number, frameOfReference: string) =>
      dicomSlice({ position: [0, 0, z], rows: 3, columns: 5, frameOfReference });
    writeSeries(series, [slice(0, "1.2.1"), slice(1, "1.2.2")]);
    expect(await failure(readDicomSource(series))).toBe(
      `a DICOM segmentation of slices in 2 systems of coordinates (FrameOfReferenceUID 1.2.1, 1.2.2; ${series}) is not supported; put the slices of each into a folder of their own`,
    );
  });
});

const organsGeometry: Geometry = {
  spacing: [2.5, 0.75, 0.5],
  origin: [10, -20, 0],
  direction: [1, 0, 0, 0, 1, 0, 0, 0, 1],
};

test("colours are those of ICC's CIELab, as DICOM scales them", () => {
  expect(dicomLab([255, 255, 255])).toEqual([65535, 32896, 32896]);
  expect(dicomLab([0, 0, 0])).toEqual([0, 32896, 32896]);
  // Red of sRGB is 54.29, 80.80, 69.89 under D50 (Lindbloom).
  for (const [i, expected] of [54.29 / 100, (80.8 + 128) / 255, (69.89 + 128) / 255].entries())
    expect(dicomLab([255, 0, 0])[i]! / 65535).toBeCloseTo(expected, 3);
});

test("decimal texts have at most 16 characters, and say exactly what a text of 16 characters said", () => {
  expect(decimalString(-249.51171875)).toBe("-249.51171875");
  expect(decimalString(-0)).toBe("0");
  expect(decimalString(1 / 3)).toBe("0.33333333333333");
  expect(decimalString(-1 / 3)).toBe("-0.3333333333333");
  expect(decimalString(Number("1.2345678901E-06"))).toBe("1.2345678901e-6");
  fc.assert(
    fc.property(fc.double({ noNaN: true, min: -1e9, max: 1e9 }), (value) => {
      const text = decimalString(value);
      expect(text).toMatch(/^[-+0-9.e]{1,16}$/);
      expect(Math.abs(Number(text) - value)).toBeLessThanOrEqual(Math.abs(value) * 1e-8 + 1e-100);
    }),
    { seed: 1 },
  );
  fc.assert(
    fc.property(fc.integer({ min: -(10 ** 14), max: 10 ** 14 }), fc.integer({ min: 0, max: 12 }), (digits, shift) => {
      const text = `${digits}`.replace(/^(-?)(\d*)$/, (_, sign, all) => {
        const padded = all.padStart(shift + 1, "0");
        return shift === 0 ? `${sign}${all}` : `${sign}${padded.slice(0, -shift)}.${padded.slice(-shift)}`;
      });
      if (text.length <= 16) expect(Number(decimalString(Number(text)))).toBe(Number(text));
    }),
    { seed: 1 },
  );
});
