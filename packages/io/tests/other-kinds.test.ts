import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { expect, test } from "@jest/globals";
import { isNnunetError } from "@nnunet/core";
import { readImage, readImageInfo } from "@nnunet/io";
import { affineOf, scratchFolder } from "./nifti-files.ts";

/*
 * The long tail: GIPL, MGH, MRC, VTK and HDF5 are read as ITK and nibabel read them, place included, and what is cut off is
 * refused, which itk-wasm fills up with zeros (tools/fixtures/io/other_kinds.py).
 */

interface Kind {
  readonly name: string;
  readonly file: string;
  readonly shape?: readonly number[];
  readonly dtype?: string;
  readonly voxels?: string;
  /** RAS, 3 × 4. */
  readonly affine?: readonly number[];
  readonly refused?: string;
}

const folder = scratchFolder();
const archive = readFileSync(new URL("./fixtures/other-kinds.json.gz", import.meta.url));
const kinds: Kind[] = JSON.parse(gunzipSync(archive).toString()).entries;

test.each(kinds.map((kind) => [kind.name, kind] as const))("%s", async (name, kind) => {
  const path = join(folder, name);
  writeFileSync(path, Buffer.from(kind.file, "hex"));
  if (kind.refused !== undefined) {
    const error = await readImage(path).catch((e: unknown) => e);
    expect(isNnunetError(error, "IMAGE_FILE", "UNSUPPORTED")).toBe(true);
    expect((error as Error).message).toContain(kind.refused);
    expect((error as Error).message).toContain(path);
    return;
  }
  const { data, shape, geometry } = await readImage(path);
  expect(shape).toEqual(kind.shape);
  expect(Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("hex")).toBe(kind.voxels);
  const affine = affineOf(geometry);
  // Headers hold float32.
  for (const [i, value] of kind.affine!.entries()) expect(Math.abs(affine[i]! - value)).toBeLessThan(3e-6);
  const info = await readImageInfo(path);
  expect([info.shape, info.geometry, info.dataType]).toEqual([shape, geometry, kind.dtype]);
});
