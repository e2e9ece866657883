import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, test } from "@jest/globals";
import { axisAlignedGeometry, createVolume } from "@nnunet/core";
import { readImage, writeImage } from "@nnunet/io";
import * as bytes from "@nnunet/io/bytes";
import { staticImports } from "../../core/tests/static-imports.ts";
import { loadEntries, scratchFolder, unpack } from "./nifti-files.ts";

const { encodeNifti, joinChannels, readNiftiBytes } = bytes;
const folder = scratchFolder();
const files = loadEntries()
  .map((entry) => unpack(entry, folder))
  .filter((path) => /\.nii(\.gz)?$/.test(path));
const good = new Uint8Array(readFileSync(files.find((path) => path.includes("order"))!));

/** What reading gives: voxels, shape and place, or the message without the name. */
async function outcome(read: Promise<unknown>, name: string): Promise<unknown> {
  return read.catch((error: Error) => error.message.replace(name, "FILE"));
}

test("the entry for bytes reaches no Node module and exports these names", () => {
  expect(staticImports(new URL("../src/bytes.ts", import.meta.url))).toEqual(["@nnunet/core"]);
  expect(Object.keys(bytes).sort()).toEqual([
    "encodeDicomSegmentation",
    "encodeNifti",
    "isDicomBlob",
    "joinChannels",
    "labelColour",
    "listDicomVolumes",
    "placementDifference",
    "readDicomBytes",
    "readNiftiBytes",
  ]);
});

test("every file of the corpus is read from bytes as from the disk, compressed or not", async () => {
  expect(files.length).toBeGreaterThan(50);
  for (const path of files) {
    const stored = new Uint8Array(readFileSync(path));
    const warned: unknown[] = [];
    const read = await outcome(readImage(path, { onWarning: ({ field }) => warned.push(field) }), path);
    for (const source of [stored, new Blob([stored]), new Uint8Array(gzipSync(stored))]) {
      if (source.constructor === Uint8Array && source !== stored && path.endsWith(".gz")) continue;
      const heard: unknown[] = [];
      const onWarning = ({ field }: { field: string }) => heard.push(field);
      expect(await outcome(readNiftiBytes(source, "case.nii", { onWarning }), "case.nii")).toEqual(read);
      expect(heard).toEqual(warned);
    }
  }
});

test("an image is written to the bytes of its file", async () => {
  for (const type of [Int16Array, Uint8Array, Float32Array]) {
    const volume = createVolume(
      new type(Array.from({ length: 24 }, (_, i) => i)),
      [2, 1, 3, 4],
      axisAlignedGeometry([2, 0.5, 0.7]),
    );
    for (const version of [1, 2] as const) {
      const path = join(folder, "written.nii");
      await writeImage(path, volume, { version });
      const plain = await encodeNifti(volume, { gzip: false, version });
      expect(Buffer.from(await plain.arrayBuffer()).equals(readFileSync(path))).toBe(true);
    }
    const packed = join(folder, "written.nii.gz");
    writeFileSync(packed, Buffer.from(await (await encodeNifti(volume)).arrayBuffer()));
    expect((await readImage(packed)).data).toEqual(volume.data);
  }
});

test("what is damaged, cut off or something else is one sentence", async () => {
  const failure = (source: Uint8Array<ArrayBuffer>) => outcome(readNiftiBytes(source, "case.nii"), "case.nii");
  const gz = new Uint8Array(gzipSync(good));
  const flipped = gz.slice();
  flipped[gz.length - 6]! ^= 1; // in the checksum
  const damaged =
    /^FILE: the gzip data are damaged, cut off or in several parts \(.+\); get the file again, or decompress it$/;
  expect(await failure(gz.slice(0, -9))).toMatch(damaged);
  expect(await failure(flipped)).toMatch(damaged);
  const members = await failure(Uint8Array.from([...gz, ...gzipSync(new Uint8Array(3))])); // Node reads on, browsers do not
  expect(members).toMatch(/appended$|in several parts/);
  expect(await failure(good.slice(0, -1))).toMatch(
    /^FILE: the header promises .+; the file is cut off or its header is wrong$/,
  );
  expect(await failure(Uint8Array.from([...good, 0]))).toMatch(
    /but there are more; the header is wrong or something was appended$/,
  );
  expect(await failure(good.slice(0, 300))).toMatch(/a NIfTI header alone has 348; it is cut off$/);
  expect(await failure(new Uint8Array(400))).toMatch(/sizeof_hdr: .*this is no NIfTI file$/);
  expect(await failure(new Uint8Array(0))).toBe("FILE: the file is empty; get it again");
  const pair = good.slice();
  pair[345] = "i".charCodeAt(0);
  expect(await failure(pair)).toMatch(
    /magic: the header belongs to an \.hdr\/\.img pair \("ni1"\); convert it to one \.nii$/,
  );
});

test("images are joined to the channels that a model names", async () => {
  const image = (value: number, z = 1) =>
    createVolume(new Int16Array(6).fill(value), [1, 1, 2, 3], axisAlignedGeometry([z, 1, 1]));
  const images: Record<string, ReturnType<typeof image>> = { t1: image(3), t2: image(5), thick: image(1, 4) };
  const join = (names: string[]) =>
    joinChannels(
      { id: "a", images: names },
      { channelNames: ["T1", "T2"] },
      async (name) => images[name]!,
      "the model",
    );
  expect(Array.from((await join(["t1", "t2"])).data)).toEqual([3, 3, 3, 3, 3, 3, 5, 5, 5, 5, 5, 5]);
  await expect(join(["t1"])).rejects.toThrow("case a has 1 channel, the model names 2 (T1, T2); correct one of them");
  await expect(join(["t1", "thick"])).rejects.toThrow("spacing: expected [1,1,1] mm as in t1, got [4,1,1]");
});
