import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "@jest/globals";
import { isNnunetError } from "@nnunet/core";
import { readImage, readImageInfo } from "@nnunet/io";
import { scratchFolder } from "./nifti-files.ts";

/*
 * Every kind of TIFF, BMP and JPEG that tifffile, Pillow, libtiff and libjpeg-turbo write is read to exactly the values
 * that they read, or refused by its name (tools/fixtures/io/{tiff,bmp,jpeg}_kinds.py).
 */

interface Kind {
  readonly name: string;
  readonly file: string;
  readonly shape?: readonly number[];
  readonly dtype?: string;
  readonly voxels?: string;
  readonly refused?: string;
}

const folder = scratchFolder();

describe.each(["tiff", "bmp", "jpeg"])("%s", (format) => {
  const archive = readFileSync(new URL(`./fixtures/${format}-kinds.json.gz`, import.meta.url));
  const kinds: Kind[] = JSON.parse(gunzipSync(archive).toString()).entries;
  const path = join(folder, `kind.${format}`);

  test.each(kinds.map((kind) => [kind.name, kind] as const))("%s", async (_, kind) => {
    writeFileSync(path, Buffer.from(kind.file, "hex"));
    if (kind.refused !== undefined) {
      const error = await readImage(path).catch((e: unknown) => e);
      expect(isNnunetError(error, "IMAGE_FILE", "UNSUPPORTED")).toBe(true);
      expect((error as Error).message).toContain(kind.refused);
      expect((error as Error).message).toContain(path);
      return;
    }
    const { data, shape } = await readImage(path);
    expect(shape).toEqual(kind.shape);
    expect(Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("hex")).toBe(kind.voxels);
    const info = await readImageInfo(path);
    expect([info.shape, info.dataType, info.format]).toEqual([shape, kind.dtype, format.toUpperCase()]);
    expect(data.constructor.name.replace("Array", "").toLowerCase()).toBe(kind.dtype);
  });
});

describe("what the reader is asked for, and what it says", () => {
  const kindsOf = (format: string): Kind[] =>
    JSON.parse(gunzipSync(readFileSync(new URL(`./fixtures/${format}-kinds.json.gz`, import.meta.url))).toString())
      .entries;
  const put = (format: string, start: string, name: string): string => {
    const path = join(folder, name);
    writeFileSync(path, Buffer.from(kindsOf(format).find((kind) => kind.name.startsWith(start))!.file, "hex"));
    return path;
  };

  test.each([
    ["tiff", "palette"],
    ["bmp", "header 40, 8 bits, colours"],
    ["bmp", "header 40, 4 bits, colours"],
  ])("a palette in %s is its colours, or its indices where those are meant: %s", async (format, kind) => {
    const path = put(format, kind, `mask.${format}`);
    const colours = await readImage(path);
    const indices = await readImage(path, { palette: "indices" });
    expect([colours.shape[0], indices.shape[0]]).toEqual([3, 1]);
    expect((await readImageInfo(path, { palette: "indices" })).shape).toEqual(indices.shape);
    // Equal indices have equal colours.
    const colourOf = new Map<number, string>();
    const n = indices.data.length;
    for (let i = 0; i < n; i++) {
      const colour = [0, 1, 2].map((c) => colours.data[c * n + i]).join();
      expect(colourOf.get(indices.data[i]!) ?? colour).toBe(colour);
      colourOf.set(indices.data[i]!, colour);
    }
    expect(colourOf.size).toBeGreaterThan(10);
  });

  /** A file with one number of its first directory changed, or a tag in the place of another. */
  const changed = (bytes: Buffer, tag: number, value: number, newTag = tag): Buffer => {
    const copy = Buffer.from(bytes);
    const at = copy.readUInt32LE(4);
    for (let i = 0; i < copy.readUInt16LE(at); i++) {
      const entry = at + 2 + 12 * i;
      if (copy.readUInt16LE(entry) !== tag) continue;
      copy.writeUInt16LE(newTag, entry);
      copy.writeUInt16LE(value, entry + 8);
    }
    return copy;
  };

  test("planes of YCbCr are not passed off as RGB", async () => {
    const path = put("tiff", "jpeg ycbcr (1, 1)", "apart.tif");
    writeFileSync(path, changed(readFileSync(path), 284, 2));
    await expect(readImage(path)).rejects.toHaveProperty(
      "message",
      `TIFF of YCbCr colours that lie apart or have company (${path}) is not supported; save it as RGB`,
    );
  });

  test("an orientation is warned of, and not applied", async () => {
    const path = put("tiff", "last strips of one row", "turned.tif");
    const stored = await readImage(path);
    writeFileSync(path, changed(readFileSync(path), 277, 6, 274)); // in the place of SamplesPerPixel, which is 1 without a word
    const problems: string[] = [];
    const turned = await readImage(path, { onWarning: ({ field }) => void problems.push(field) });
    expect(turned).toEqual(stored);
    expect(problems).toEqual(["Orientation"]);
  });

  test("ImageJ's spacing is not used, and said so unless the JSON file beside gives one", async () => {
    const path = put("tiff", "ImageJ slices", "stack.tif");
    const problems: string[] = [];
    const onWarning = ({ problem }: { problem: string }) => void problems.push(problem);
    expect((await readImage(path, { onWarning })).geometry.spacing).toEqual([1, 1, 1]);
    expect(problems).toEqual([
      "it gives a spacing of 3.0, which is not used, as nnU-Net does not; write it in mm into a JSON file beside it",
    ]);
    writeFileSync(join(folder, "stack.json"), JSON.stringify({ spacing: [3, 0.3, 0.3] }));
    expect((await readImage(path, { onWarning })).geometry.spacing).toEqual([3, 0.3, 0.3]);
    expect(problems).toHaveLength(1);
  });
});
