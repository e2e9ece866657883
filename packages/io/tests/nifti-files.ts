import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll } from "@jest/globals";
import type { Geometry } from "@nnunet/core";

/** One NIfTI file made by nibabel, with what nibabel reads out of it (tools/fixtures/io/nifti.py). */
export interface NiftiEntry {
  readonly name: string;
  /** "image" alone, or "header" and "image" of a pair; gzip, base64. */
  readonly files: Readonly<Record<string, string>>;
  /** RAS, 4 × 4, row-major. */
  readonly affine: readonly number[];
  /** x, y, z */
  readonly zooms: readonly number[];
  readonly shape: readonly number[];
  readonly voxels: readonly (number | string)[];
}

export function loadEntries(): NiftiEntry[] {
  const path = new URL("./fixtures/nifti.json", import.meta.url);
  const { standard, entries } = JSON.parse(readFileSync(path, "utf8"));
  return entries.map((entry: { voxels: unknown }) =>
    entry.voxels === "standard" ? { ...entry, voxels: standard } : entry,
  );
}

/** A folder that is removed after the tests of the file. */
export function scratchFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "nnunet-io-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Writes an entry's file or files; returns the path to read. */
export function unpack(entry: NiftiEntry, folder: string): string {
  const stem = join(folder, entry.name.replace(/\W+/g, "_"));
  const bytes = (key: string) => gunzipSync(Buffer.from(entry.files[key]!, "base64"));
  if (entry.files["header"] === undefined) {
    writeFileSync(`${stem}.nii`, bytes("image"));
    return `${stem}.nii`;
  }
  writeFileSync(`${stem}.hdr`, bytes("header"));
  writeFileSync(`${stem}.img`, bytes("image"));
  return `${stem}.hdr`;
}

/** The RAS affine, rows 0–2, 3 × 4. */
export function affineOf({ spacing, origin, direction }: Geometry): number[] {
  const sign = [-1, -1, 1];
  return [0, 1, 2].flatMap((row) => [
    ...[0, 1, 2].map((c) => sign[row]! * (direction[3 * row + c]! * spacing[2 - c]!) + 0),
    sign[row]! * origin[row]! + 0,
  ]);
}
