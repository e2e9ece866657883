import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { expect, test } from "@jest/globals";
import { createVolume, datasetFromJson, isNnunetError } from "@nnunet/core";
import { type ReadImageOptions, readDicomSource, writeDicomSegmentation } from "@nnunet/io";
import { scratchFolder } from "./nifti-files.ts";

/*
 * A segmentation object of every kind of series in dicom.json.gz. tools/fixtures/io/dicom_seg.py has read these very bytes
 * with pydicom and highdicom, found every voxel, place and reference right, and noted their hashes.
 *
 *   NNUNET_SEG_OUT=FOLDER    writes the objects there, for that script
 */

interface Entry {
  readonly name: string;
  readonly files: Readonly<Record<string, string>>;
  readonly options?: ReadImageOptions;
  readonly refused?: string;
}

const fixtures = new URL("./fixtures/", import.meta.url);
const archive = gunzipSync(readFileSync(new URL("dicom.json.gz", fixtures)));
const { entries } = JSON.parse(archive.toString()) as { entries: Entry[] };
const hashesFile = new URL("dicom-seg.json", fixtures);
const hashes: Record<string, string> = existsSync(hashesFile) ? JSON.parse(readFileSync(hashesFile, "utf8")) : {};
const out = process.env["NNUNET_SEG_OUT"];
const folder = scratchFolder();

const liver = { CodeValue: "10200004", CodingSchemeDesignator: "SCT", CodeMeaning: "Liver" };
const kidney = { CodeValue: "64033007", CodingSchemeDesignator: "SCT", CodeMeaning: "Kidney" };
const left = { CodeValue: "7771000", CodingSchemeDesignator: "SCT", CodeMeaning: "Left" };
const common = { channel_names: { 0: "CT" }, numTraining: 1, file_ending: ".nii.gz" };
/** Labels with gaps and codes, regions that overlap, names in other scripts, one label that is rare. */
const datasets = [
  {
    labels: { background: 0, liver: 2, "left kidney": 5, tumour: 7, ignore: 9 },
    label_codes: { liver, "left kidney": { type: kidney, modifier: left } },
  },
  { labels: { background: 0, whole: [1, 2, 3], core: [2, 3], enhancing: 3 }, regions_class_order: [1, 2, 3] },
  {
    labels: {
      background: 0,
      Überrest: 1,
      "肝臓\\腫瘍": 2,
      "a name that is longer than the 64 characters DICOM allows for labels": 3,
    },
  },
  { labels: { background: 0, rare: 300 } },
].map((json) => datasetFromJson({ ...common, ...json }, "dataset.json"));

/** Blobs that fill some slices and leave others empty; the same on every machine. */
function labelsOf(count: number, plane: number, allowed: readonly number[], seed: number): Int16Array {
  let state = seed + 1;
  const next = () => (state = (state * 48271) % 2147483647) / 2147483647;
  const labels = new Int16Array(count);
  for (let i = 0; i < count; i++) {
    const isEmptySlice = (Math.floor(i / plane) + seed) % 3 === 0 && seed % 2 === 0;
    if (!isEmptySlice && next() < 0.6) labels[i] = allowed[Math.floor(next() * allowed.length)]!;
  }
  return labels;
}

function unpack({ files }: Entry, index: number): string {
  const place = join(out ?? folder, `kind ${index}`);
  mkdirSync(place, { recursive: true });
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(join(place, name || "image"), Buffer.from(content, "base64"));
  }
  return "" in files ? join(place, "image") : place;
}

const readable = entries.map((entry, i) => [entry.name, entry, i] as const).filter(([, { refused }]) => !refused);

test.each(readable)("a segmentation of: %s", async (name, entry, i) => {
  const series = unpack(entry, i);
  const source = await readDicomSource(series, entry.options).catch((error: unknown) => {
    if (!isNnunetError(error, "FILE", "UNSUPPORTED")) throw error;
    return error.message.replaceAll(series, "series");
  });
  if (typeof source === "string") {
    expect(source).toMatch(
      /^series: is a segmentation itself|^a DICOM segmentation of images that do not say where they lie/,
    );
    return;
  }
  const dataset = datasets[i % datasets.length]!;
  const [nz, ny, nx] = source.shape;
  const allowed = [...new Set(Object.values(dataset.labels).flat())];
  const labels = labelsOf(nz * ny * nx, ny * nx, allowed, i);
  const path = join(out ?? folder, `${i}.dcm`);
  await writeDicomSegmentation(path, createVolume(labels, [1, nz, ny, nx], source.geometry), source, {
    dataset,
    maker: { algorithm: "Dataset001_Kinds 3d_fullres", version: "nnunet-ts 0.0.0", parameters: "folds 0, 1" },
  });
  const bytes = readFileSync(path);
  if (out === undefined) {
    expect(createHash("sha256").update(bytes).digest("hex")).toBe(hashes[name]);
    return;
  }
  writeFileSync(join(out, `${i}.labels`), labels);
  const { geometry, planes, shape } = source;
  writeFileSync(
    join(out, `${i}.json`),
    JSON.stringify({
      name,
      geometry,
      planes,
      shape,
      labels: dataset.labels,
      regions: dataset.regionsClassOrder ?? null,
    }),
  );
});
