import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "@jest/globals";
import { readImage, writeImage } from "@nnunet/io";
import { scratchFolder } from "./nifti-files.ts";

interface Kind {
  readonly path: string;
  readonly files: Readonly<Record<string, string>>;
  readonly voxels: readonly number[];
  readonly itk?: { readonly spacing: number[]; readonly origin: number[]; readonly direction: number[] };
}

const folder = scratchFolder();
const kinds: Kind[] = JSON.parse(
  readFileSync(process.env["NNUNET_NRRD_KINDS"] ?? new URL("./fixtures/nrrd-kinds.json", import.meta.url), "utf8"),
).entries;

const close = (a: readonly number[], b: readonly number[]) =>
  a.length === b.length && a.every((v, i) => Math.abs(v - b[i]!) <= 1e-6 * Math.max(1, Math.abs(v)));

test("NRRD of every kind: the voxels that were put in, at the place that ITK sees (tools/fixtures/io/nrrd_kinds.py)", async () => {
  for (const { path, files, voxels, itk } of kinds) {
    for (const [name, content] of Object.entries(files)) {
      writeFileSync(join(folder, name), Buffer.from(content, "base64"));
    }
    const header = Buffer.from(files[path]!, "base64").toString("latin1").slice(0, 600);
    const volume = await readImage(join(folder, path));
    expect([header, [...volume.data]]).toEqual([header, voxels]);
    if (!itk) continue;
    const n = itk.spacing.length;
    const { spacing, origin, direction } = volume.geometry;
    const square = [0, 1, 2].slice(0, n).flatMap((row) => direction.slice(3 * row, 3 * row + n));
    const same = [
      close([...spacing].reverse().slice(0, n), itk.spacing),
      close(origin.slice(0, n), itk.origin),
      close(square, itk.direction),
    ];
    expect([header, ...same]).toEqual([header, true, true, true]);
  }
});

describe("NRRD and MetaImage that are refused", () => {
  const head = (extra: string) => `NRRD0004\ntype: short\ndimension: 1\nsizes: 3\nendian: little\n${extra}\n`;
  test.each([
    ["text with too few numbers", "encoding: text\n", "1 2", "expected 3 numbers, got 2; the file is cut off"],
    ["text with too many", "encoding: text\n", "1 2 3 4", 'expected 3 numbers, got "4" behind them'],
    ["text that is no number", "encoding: text\n", "1 x 3", 'expected a int16, got "x"'],
    ["text beyond its type", "encoding: text\n", "1 40000 3", 'expected a int16, got "40000"'],
    ["hex of odd length", "encoding: hex\n", "0102030405060", "expected 12 hexadecimal digits, got 13 characters"],
    [
      "fewer lines than are to be passed over",
      "encoding: raw\nline skip: 9\n",
      "abcdef",
      "there are no 9 lines to pass over",
    ],
    ["more than a newline behind", "encoding: raw\n", "abcdef\n\n\n", "which needs 6 bytes, but there are 9"],
    ["another byte behind", "encoding: raw\n", "abcdefg", "which needs 6 bytes, but there are 7"],
    ["a list of files", "encoding: raw\ndata file: LIST\n", "", "voxels in a list of files"],
    ["bzip2", "encoding: bzip2\n", "", 'the NRRD encoding "bzip2"'],
  ])("%s", async (_, extra, body, message) => {
    const path = join(folder, "refused.nrrd");
    writeFileSync(path, head(extra) + body);
    await expect(readImage(path)).rejects.toThrow(message);
  });

  test("voxels behind more than a mebibyte of something else", async () => {
    const path = join(folder, "last.nrrd");
    const body = gzipSync(Buffer.alloc(2 ** 20 + 7));
    writeFileSync(path, Buffer.concat([Buffer.from(head("encoding: gzip\nbyte skip: -1\n")), body]));
    await expect(readImage(path)).rejects.toThrow("which needs 6 bytes, but there are over 1048576 more");
  });
});

test("MetaImage without ObjectType, as ITK's own examples have it", async () => {
  mkdirSync(join(folder, "m"), { recursive: true });
  const path = join(folder, "m/a.mha");
  writeFileSync(path, "NDims = 2\nDimSize = 2 1\nElementType = MET_UCHAR\nElementDataFile = LOCAL\nab");
  expect([...(await readImage(path)).data]).toEqual([97, 98]);
});

test("an image of two axes gives results of two axes", async () => {
  const two = {
    "two.nrrd":
      "NRRD0004\ntype: uint8\ndimension: 2\nspace dimension: 2\nsizes: 2 3\nspace directions: (1.5,0.2) (-0.2,2.5)\nspace origin: (3,4)\nencoding: raw\n\nabcdef",
    "plain.nrrd": "NRRD0004\ntype: uint8\ndimension: 2\nsizes: 2 3\nspacings: 1.5 2\nencoding: raw\n\nabcdef",
    "two.mha":
      "ObjectType = Image\nNDims = 2\nDimSize = 2 3\nOffset = 3 4\nElementSpacing = 1.5 2.5\nTransformMatrix = 0.6 0.8 -0.8 0.6\nElementType = MET_UCHAR\nElementDataFile = LOCAL\nabcdef",
  };
  for (const [name, content] of Object.entries(two)) {
    writeFileSync(join(folder, name), content);
    const image = await readImage(join(folder, name));
    for (const ending of [".nrrd", ".mha", ".nii"]) {
      const path = join(folder, `result${ending}`);
      await writeImage(path, { ...image, data: new Int16Array(6) });
      const result = await readImage(path);
      expect([name, ending, result.geometry.asRead?.axes]).toEqual([name, ending, 2]);
      expect(result.shape).toEqual([1, 1, 3, 2]);
      for (const field of ["spacing", "origin", "direction"] as const) {
        for (const [i, v] of result.geometry[field].entries()) expect(v).toBeCloseTo(image.geometry[field][i]!, 5);
      }
    }
  }
});
