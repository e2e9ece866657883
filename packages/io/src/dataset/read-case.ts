import {
  type CaseFiles,
  type ModelDataset,
  type Geometry,
  ImageFileError,
  type LoadedCase,
  labelSet,
  show,
  type StoredImageCase,
  type Volume,
} from "@nnunet/core";
import { mayLabelDiffer, placementDifferences } from "../geometry/same-place.ts";
import { voxelPlace } from "../geometry/voxel-place.ts";
import { readImage } from "../image-file.ts";
import type { ReadImageOptions } from "../image-format.ts";
import { asWritten, callingFilesAsWritten } from "./as-written.ts";
import { checkSameGrid, joinChannels, joinStoredChannels } from "./join-channels.ts";
import { readLabels } from "./read-labels.ts";

/**
 * Reads a case: all channels as one float32 array [channel, z, y, x], the labels as int16 [1, z, y, x]; checks that
 * they belong together.
 *
 * Geometry is that of the first channel. All channels must have their voxels at the same places, beyond rounding
 * ({@link placementDifference}): where they differ, nobody knows which of them the labels belong to. A label may lie
 * elsewhere, which is told, but not run another way, because it would lie mirrored.
 *
 * @param options - `onWarning` hears what is odd about the files
 * @throws {FileError} if a file is missing or unreadable
 * @throws {ImageFileError} if a file is damaged, an image has a NaN or infinite voxel, a label file has a value that
 *   dataset.json does not declare, or files differ in spacing, direction or (channels) origin
 * @throws {ShapeMismatchError} if a channel or the label has another shape
 */
export async function readCase(
  files: CaseFiles,
  dataset: ModelDataset,
  options: ReadImageOptions = {},
): Promise<LoadedCase> {
  return callingFilesAsWritten(files, () => readFiles(files, dataset, withWritten(files, options)));
}

/** Warnings call the files as dataset.json does. */
function withWritten(files: CaseFiles, options: ReadImageOptions): ReadImageOptions {
  const { onWarning } = options;
  if (!onWarning || !files.written) return options;
  const heard: typeof onWarning = ({ path, field, problem }) =>
    onWarning({ path: asWritten(files, path), field, problem: asWritten(files, problem) });
  return { ...options, onWarning: heard };
}

/**
 * {@link readCase} of the images alone, for prediction: whole numbers of 8 or 16 bits stay as they are stored, which is a
 * half or a quarter of the memory; everything else becomes float32. Errors are the same.
 */
export async function readStoredImage(
  files: Omit<CaseFiles, "label">,
  dataset: ModelDataset,
  options: ReadImageOptions = {},
): Promise<StoredImageCase> {
  return callingFilesAsWritten(files, async () => {
    const heard = withWritten(files, options);
    return {
      id: files.id,
      image: await joinStoredChannels(files, dataset, (path) => readImage(path, heard), "the model"),
    };
  });
}

async function readFiles(files: CaseFiles, dataset: ModelDataset, options: ReadImageOptions): Promise<LoadedCase> {
  const image = await joinChannels(files, dataset, (path) => readImage(path, options));
  if (files.label === undefined) return { id: files.id, image };
  const stored = await readLabels(files.label, options);
  warnOfLabelElsewhere(files.label, stored.geometry, image.geometry, files.images[0]!, options);
  checkSameGrid(`label ${files.label} of case ${files.id}`, files.label, stored, image, files.images[0]!, true);
  return { id: files.id, image, label: toLabels(stored, labelSet(dataset).allowed, files.label) };
}

/** The voxels of a label file as int16, each of a declared value. */
export function toLabels(stored: Volume, allowed: readonly number[], path: string): Volume<Int16Array> {
  const declared = new Uint8Array(32768);
  for (const id of allowed) declared[id] = 1;
  const { data } = stored;
  const labels = data instanceof Int16Array ? data : new Int16Array(data.length);
  const copy = labels !== data;
  for (let i = 0; i < data.length; i++) {
    const value = data[i]!;
    if (declared[value] !== 1) {
      const at = voxelPlace(i, stored);
      throw new ImageFileError(
        path,
        `voxel ${at}`,
        `the label ${show(value)} is not declared; dataset.json has ${allowed.join(", ")}: add it to "labels" or correct the file`,
      );
    }
    if (copy) labels[i] = value;
  }
  return { data: labels, shape: stored.shape, geometry: stored.geometry };
}

/** Tells of a label that may lie elsewhere than its image and does. */
export function warnOfLabelElsewhere(
  path: string,
  label: Geometry,
  image: Geometry,
  imagePath: string,
  { onWarning }: ReadImageOptions,
): void {
  for (const difference of placementDifferences(image, label)) {
    if (difference.tiny || !mayLabelDiffer(difference)) continue;
    const { field, first, second } = difference;
    const problem = `[${second}], but [${first}] in ${imagePath}; its voxels are taken as those of the image`;
    onWarning?.({ path, field, problem });
  }
}
