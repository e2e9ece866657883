import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "@jest/globals";
import { isNnunetError } from "@nnunet/core";
import { type ReadImageOptions, readDicom, readImage, readImageInfo } from "@nnunet/io";
import { scratchFolder } from "./nifti-files.ts";

/*
 * Files of every kind that tools/fixtures/io/dicom.py makes; their voxels and geometry agree with pydicom and SimpleITK
 * wherever those can read them.
 */

interface Entry {
  readonly name: string;
  /** Base64 by name; "" for a file that is read by itself. */
  readonly files: Readonly<Record<string, string>>;
  readonly options?: ReadImageOptions;
  readonly shape: readonly number[];
  readonly type: string;
  readonly voxels: string;
  readonly geometry: Record<"spacing" | "origin" | "direction", readonly number[]>;
  /** How far a lossy decoder's rounding may be off. */
  readonly within?: number;
  readonly warning?: string;
  /** Part of the message of a file that must not be read. */
  readonly refused?: string;
}

const archive = gunzipSync(readFileSync(new URL("./fixtures/dicom.json.gz", import.meta.url)));
const { entries } = JSON.parse(archive.toString()) as { entries: Entry[] };
const folder = scratchFolder();

function unpack({ files }: Entry, index: number): string {
  const place = join(folder, `kind ${index}`);
  mkdirSync(place, { recursive: true });
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(join(place, name || "image"), Buffer.from(content, "base64"));
  }
  return "" in files ? join(place, "image") : place;
}

const arrays = { uint8: Uint8Array, int8: Int8Array, uint16: Uint16Array, int16: Int16Array, uint32: Uint32Array };
const arrayOf = { ...arrays, int32: Int32Array, float32: Float32Array, float64: Float64Array } as const;

function expectedVoxels({ voxels, type }: Entry): ArrayLike<number> {
  const bytes = Uint8Array.from(Buffer.from(voxels, "base64"));
  return new arrayOf[type as keyof typeof arrayOf](bytes.buffer);
}

const named = entries.map((entry, i) => [entry.name, entry, i] as const);

describe("DICOM of every kind is read", () => {
  test.each(named.filter(([, { refused }]) => refused === undefined))("%s", async (_, entry, i) => {
    const path = unpack(entry, i);
    const heard: string[] = [];
    const onWarning: ReadImageOptions["onWarning"] = ({ field, problem }) => heard.push(`${field}: ${problem}`);
    const options = { ...entry.options, onWarning };
    const volume = entry.options?.volume ? await readDicom(path, options) : await readImage(path, options);
    const expected = expectedVoxels(entry);
    expect(volume.shape).toEqual(entry.shape);
    expect(volume.data.constructor.name.toLowerCase()).toBe(`${entry.type}array`);
    let worst = 0;
    for (let v = 0; v < expected.length; v++) worst = Math.max(worst, Math.abs(volume.data[v]! - expected[v]!));
    expect(worst).toBeLessThanOrEqual(entry.within ?? 0);
    for (const key of ["spacing", "origin", "direction"] as const) {
      const [ours, theirs] = [volume.geometry[key] as readonly number[], entry.geometry[key]];
      // Decimals of the file times unit vectors: a few roundings of float64.
      for (const [axis, value] of theirs.entries()) expect(ours[axis]).toBeCloseTo(value, 9);
    }
    if (entry.warning) expect(heard.join("\n")).toContain(entry.warning);
    if (entry.options?.volume) return;
    const info = await readImageInfo(path, entry.options);
    expect(info).toEqual({ shape: volume.shape, geometry: volume.geometry, dataType: entry.type, format: "DICOM" });
  });
});

describe("DICOM that cannot be read is refused by a true sentence", () => {
  test.each(named.filter(([, { refused }]) => refused !== undefined))("%s", async (_, entry, i) => {
    const path = unpack(entry, i);
    const error: unknown = await readDicom(path, entry.options).catch((e: unknown) => e);
    if (!isNnunetError(error, "IMAGE_FILE", "UNSUPPORTED", "FILE")) throw error;
    expect(error.message).toContain(entry.refused);
    expect(error.message).toContain(path);
  });
});
