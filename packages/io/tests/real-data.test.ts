import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "@jest/globals";
import { spatialShape } from "@nnunet/core";
import { readImage, readImageInfo, writeImage } from "@nnunet/io";
import { affineOf, scratchFolder } from "./nifti-files.ts";

const data = fileURLToPath(new URL("../../../../shared/data", import.meta.url));
const present = existsSync(data);
if (!present) console.warn("skipped: the real images of ../shared/data are not here");
const scratch = scratchFolder();

interface Entry {
  readonly path: string;
  readonly shape: readonly number[];
  readonly sha256: string;
  /** RAS, 4 × 4; null for pictures. */
  readonly affine: readonly number[] | null;
  /** x, y, z */
  readonly zooms: readonly number[] | null;
}
const { entries }: { entries: Entry[] } = JSON.parse(
  readFileSync(new URL("./fixtures/real-data.json", import.meta.url), "utf8"),
);

(present ? describe : describe.skip)("real images, against nibabel, pydicom and scikit-image", () => {
  test.each(entries.map((entry) => [entry.path, entry] as const))("%s", async (path, entry) => {
    const volume = await readImage(`${data}/${path}`);
    expect([volume.shape[0], ...spatialShape(volume)]).toEqual([1, ...entry.shape]);
    const values = Float32Array.from(volume.data);
    expect(createHash("sha256").update(new Uint8Array(values.buffer)).digest("hex")).toBe(entry.sha256);
    if (entry.affine && entry.zooms) {
      expect(affineOf(volume.geometry)).toEqual(entry.affine.slice(0, 12).map((v) => v + 0));
      expect([...volume.geometry.spacing].reverse()).toEqual(entry.zooms);
    } else {
      expect(volume.geometry.spacing).toEqual([999, 1, 1]);
    }
    expect((await readImageInfo(`${data}/${path}`)).geometry).toEqual(volume.geometry);
    const ending = path.endsWith(".png") ? ".png" : ".nii.gz";
    await writeImage(`${scratch}/again${ending}`, volume);
    const again = await readImage(`${scratch}/again${ending}`);
    const { asRead: _, ...place } = volume.geometry; // another format says it in its own words
    expect(again.geometry).toMatchObject(place);
    expect(Buffer.compare(Buffer.from(again.data.buffer), Buffer.from(volume.data.buffer))).toBe(0);
  });
});
