import { type Volume, FileError } from "@nnunet/core";
import { readJson, writeJsonAtomic } from "@nnunet/core/node";
import { contentHash, exists } from "../records/made-from.ts";

/**
 * Writes the spacing of a TIFF of several slices, which cannot say it itself, by nnU-Net's rule: `case.json` beside
 * `case.tif`, `{ "spacing": [z, y, x] }` in mm. Any other image is left without.
 *
 * @throws {FileError} if that file is there, says something else, and may not be replaced
 */
export async function writeTiffSpacing(path: string, { shape, geometry }: Volume, overwrite: boolean): Promise<void> {
  if (!/\.tiff?$/i.test(path) || shape[1] === 1) return;
  const beside = `${path.replace(/(_\d{4})?\.[^.]+$/, "")}.json`;
  const json = { spacing: [...geometry.spacing] };
  if (!overwrite && (await exists(beside))) {
    if (contentHash(await readJson(beside)) === contentHash(json)) return;
    throw new FileError(beside, `exists already and is not the spacing of ${path}; choose another output`);
  }
  await writeJsonAtomic(beside, json);
}
