import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { expect, test } from "@jest/globals";
import { createVolume, isNnunetError } from "@nnunet/core";
import { readDicom, readDicomSource, type ReadImageOptions, writeDicomSegmentation } from "@nnunet/io";
import { encodeDicomSegmentation, isDicomBlob, listDicomVolumes, readDicomBytes } from "@nnunet/io/bytes";
import { dicomSlice } from "./dicom-files.ts";
import { scratchFolder } from "./nifti-files.ts";

interface Entry {
  readonly name: string;
  readonly files: Readonly<Record<string, string>>;
  readonly options?: ReadImageOptions;
}

const archive = gunzipSync(readFileSync(new URL("./fixtures/dicom.json.gz", import.meta.url)));
const { entries } = JSON.parse(archive.toString()) as { entries: Entry[] };
const folder = scratchFolder();
const noCodec =
  /^DICOM compressed as (lossless JPEG|JPEG-LS|JPEG 2000|high-throughput JPEG 2000) in a browser is not supported/;

/** Voxels and place, or the message without the names of files. */
async function outcome(read: Promise<unknown>, ...names: readonly string[]): Promise<unknown> {
  return read.catch((error: unknown) => {
    if (!isNnunetError(error)) throw error;
    // A browser does not say why its data cannot be inflated.
    const message = error.message.replace(/the deflated data .*/, "the deflated data …");
    return names.reduce((text, name) => text.replaceAll(name, ""), message);
  });
}

test("every kind of series is read from bytes as from the disk, but for codes that packages decode", async () => {
  let [same, withoutCodec] = [0, 0];
  for (const [i, { name, files, options = {} }] of entries.entries()) {
    const place = join(folder, `kind ${i}`);
    mkdirSync(place);
    const blobs = Object.entries(files).map(([file, content]) => {
      const bytes = Uint8Array.from(Buffer.from(content, "base64"));
      writeFileSync(join(place, file || "image"), bytes);
      return { name: file || "image", blob: new Blob([bytes]) };
    });
    const [told, heard]: [string[], string[]] = [[], []];
    const onDisk = readDicom(place, { ...options, onWarning: ({ problem }) => told.push(problem) });
    const expected = await outcome(onDisk, `${place}/`, place);
    const inMemory = readDicomBytes(blobs, "series", { ...options, onWarning: ({ problem }) => heard.push(problem) });
    const got = await outcome(
      inMemory.then(({ volume }) => volume),
      "series",
    );
    if (typeof got === "string" && noCodec.test(got)) withoutCodec++;
    else {
      expect([name, got]).toEqual([name, typeof expected === "string" ? expected.replaceAll("series", "") : expected]);
      expect(heard).toEqual(told);
      same++;
    }
  }
  expect(withoutCodec).toBeLessThan(120);
  expect(same + withoutCodec).toBe(entries.length);
});

test("the volumes of several series and in one series are listed, and each is read by its choice", async () => {
  const slices = [
    ...[0, 2.5].map((z) => dicomSlice({ seriesUid: "1.2.1", position: [0, 0, z] })),
    ...[0, 1, 2].map((z) => dicomSlice({ seriesUid: "1.2.2", position: [0, 0, z], rows: 5 })),
    ...[0, 1].map((z) => dicomSlice({ seriesUid: "1.2.2", position: [0, 0, z], rows: 6 })),
  ];
  const blobs = slices.map((bytes, i) => ({ name: `IM${i}`, blob: new Blob([Uint8Array.from(bytes)]) }));
  const volumes = await listDicomVolumes(blobs, "Study");
  expect(volumes.map(({ choice, label, slices }) => ({ ...choice, label, slices }))).toEqual([
    { seriesUid: "1.2.1", label: "", slices: 2 },
    { seriesUid: "1.2.2", volume: 1, label: expect.stringContaining("4 × 5 pixels"), slices: 3 },
    { seriesUid: "1.2.2", volume: 2, label: expect.stringContaining("4 × 6 pixels"), slices: 2 },
  ]);
  const shapes: (readonly number[])[] = [];
  for (const { choice } of volumes) shapes.push((await readDicomBytes(blobs, "Study", choice)).volume.shape);
  expect(shapes).toEqual([
    [1, 2, 3, 4],
    [1, 3, 5, 4],
    [1, 2, 6, 4],
  ]);
});

test("of every kind of series with several volumes each is found by its choice", async () => {
  let several = 0;
  for (const { name, files, options = {} } of entries) {
    if (options.seriesUid !== undefined || options.volume !== undefined) continue;
    const blobs = Object.entries(files).map(([file, content]) => {
      return { name: file || "image", blob: new Blob([Uint8Array.from(Buffer.from(content, "base64"))]) };
    });
    const volumes = await listDicomVolumes(blobs, "series").catch(() => []);
    if (volumes.length < 2) continue;
    several++;
    for (const { choice } of volumes) {
      const chosen = await outcome(readDicomBytes(blobs, "series", { ...options, ...choice }), "series");
      expect([name, chosen]).not.toEqual([name, expect.stringMatching(/there (are|is no) .*(series|volume)/)]);
    }
  }
  expect(several).toBeGreaterThan(0);
});

test("a segmentation becomes the bytes of the file that Node writes", async () => {
  const place = join(folder, "slices");
  mkdirSync(place);
  const slices = [0, 2.5, 5].map((z) => ({ z, bytes: Uint8Array.from(dicomSlice({ position: [0, 0, z] })) }));
  for (const { z, bytes } of slices) writeFileSync(join(place, `${z}`), bytes);
  const blobs = slices.map(({ z, bytes }) => ({ name: `${z}`, blob: new Blob([bytes]) }));
  expect(await isDicomBlob(blobs[0]!.blob)).toBe(true);
  expect(await isDicomBlob(new Blob(["notes"]))).toBe(false);
  const { volume, source } = await readDicomBytes(blobs, "series");
  const [, nz, ny, nx] = volume.shape;
  const labels = createVolume(
    Int16Array.from({ length: nz * ny * nx }, (_, i) => i % 3),
    [1, nz, ny, nx],
    volume.geometry,
  );
  const dataset = { labels: { background: 0, liver: 1, tumour: 2 } };
  const maker = { algorithm: "a", version: "1" };
  const { file } = await encodeDicomSegmentation(labels, source!, dataset, maker);
  const path = join(folder, "seg.dcm");
  await writeDicomSegmentation(path, labels, await readDicomSource(place), { dataset, maker });
  expect(Buffer.from(await file.arrayBuffer()).equals(readFileSync(path))).toBe(true);
});

test("an image that says no place is read, without what a segmentation object needs", async () => {
  const bytes = dicomSlice();
  const at = bytes.indexOf(Buffer.from([0x20, 0, 0x32, 0]));
  bytes.writeUInt16LE(0x31, at + 2); // no ImagePositionPatient
  const { source, withoutSource, volume } = await readDicomBytes([{ name: "x", blob: new Blob([bytes]) }], "x");
  expect(volume.shape).toEqual([1, 1, 3, 4]);
  expect(source).toBe(undefined);
  expect(withoutSource).toContain("images that do not say where they lie");
});
