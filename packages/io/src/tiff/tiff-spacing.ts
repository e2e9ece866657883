import { FileError, InvalidArtifactError, type Spacing, type Volume } from "@nnunet/core";
import { exists, readJson, writeJsonAtomic } from "@nnunet/core/node";
import { copyOrdinaryFile } from "../files/copy-file.ts";
import type { WriteImageOptions } from "../image-format.ts";

/*
 * A TIFF of several slices does not say how far they are apart. nnU-Net's rule: `{ "spacing": [z, y, x] }`, in mm, in
 * `case.json` beside the label `case.tif` and the image `case_0000.tif`.
 */

/** The spacing file of an image, if there is one. */
export async function tiffSpacingFile(path: string): Promise<readonly string[]> {
  for (const candidate of candidates(path)) if (await exists(candidate)) return [candidate];
  return [];
}

/** The spacing file that is written beside a TIFF of several slices. */
export function tiffSpacingFileWritten(path: string, { isChannel = false }: WriteImageOptions): readonly string[] {
  return candidates(path).slice(...(isChannel ? [-1] : [0, 1]));
}

/**
 * The spacing that stands beside a TIFF; undefined if nothing does.
 *
 * @throws {InvalidArtifactError} if the file beside it does not say three positive numbers
 */
export async function readTiffSpacing(path: string): Promise<Spacing | undefined> {
  const [beside] = await tiffSpacingFile(path);
  return beside === undefined ? undefined : spacingIn(beside);
}

async function spacingIn(beside: string): Promise<Spacing> {
  const { spacing } = ((await readJson(beside)) ?? {}) as { spacing?: unknown };
  const positive = (s: unknown) => typeof s === "number" && s > 0 && Number.isFinite(s);
  if (!(Array.isArray(spacing) && spacing.length === 3 && spacing.every(positive))) {
    throw new InvalidArtifactError(beside, "spacing", "expected three positive numbers [z, y, x] in mm");
  }
  return [spacing[0], spacing[1], spacing[2]];
}

/**
 * Writes the spacing of a volume of several slices beside its TIFF; one that is there and says the same stays.
 *
 * @throws {FileError} if that file is there, says something else, and may not be replaced
 */
export async function writeTiffSpacing(
  path: string,
  { shape, geometry }: Volume,
  options: WriteImageOptions,
): Promise<void> {
  const [beside] = tiffSpacingFileWritten(path, options);
  if (beside === undefined || shape[1] === 1) return;
  if (!options.overwrite && (await exists(beside))) {
    const there = await spacingIn(beside).catch(() => undefined);
    if (there?.every((s, axis) => s === geometry.spacing[axis])) return;
    throw new FileError(beside, `exists already and is not the spacing of ${path}; choose another output`);
  }
  await writeJsonAtomic(beside, { spacing: [...geometry.spacing] });
}

/**
 * Copies a TIFF and the spacing beside it.
 *
 * @throws {FileError} if another channel of the case had another spacing
 */
export async function copyTiff(from: string, to: string, options: WriteImageOptions): Promise<boolean> {
  const [spacing] = await tiffSpacingFile(from);
  const [beside] = tiffSpacingFileWritten(to, options);
  if (spacing !== undefined && beside !== undefined) {
    const [own, there] = [await spacingIn(spacing), (await exists(beside)) ? await spacingIn(beside) : undefined];
    if (there === undefined) await copyOrdinaryFile(spacing, beside);
    else if (own.some((s, axis) => s !== there[axis])) {
      throw new FileError(spacing, `[${own}] is not the spacing of the case's other channels, [${there}]`);
    }
  }
  await copyOrdinaryFile(from, to);
  return true;
}

/** `a_0001.json` comes before `a.json` for `a_0001.tif`, which may be the label of case `a_0001`. */
function candidates(path: string): readonly string[] {
  if (!/\.tiff?$/i.test(path)) return [];
  const stem = path.replace(/\.[^.]+$/, "");
  const ofCase = stem.replace(/_\d{4}$/, "");
  return ofCase === stem ? [`${stem}.json`] : [`${stem}.json`, `${ofCase}.json`];
}
