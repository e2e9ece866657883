import {
  type CaseFiles,
  createVolume,
  type ModelDataset,
  type Geometry,
  ImageFileError,
  type LoadedCase,
  labelSet,
  ShapeMismatchError,
  show,
  type StoredImageCase,
  spatialShape,
  type Volume,
  type VoxelArray,
} from "@nnunet/core";
import { mayLabelDiffer, placementDifferences } from "../geometry/same-place.ts";
import { voxelPlace } from "../geometry/voxel-place.ts";
import { readImage } from "../image-file.ts";
import type { ReadImageOptions } from "../image-format.ts";
import { asWritten, callingFilesAsWritten } from "./as-written.ts";
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
    return { id: files.id, image: await readChannels(files, dataset, withWritten(files, options), isShort) };
  });
}

function isShort(data: VoxelArray): boolean {
  return data.BYTES_PER_ELEMENT <= 2;
}

async function readFiles(files: CaseFiles, dataset: ModelDataset, options: ReadImageOptions): Promise<LoadedCase> {
  const image = await readChannels(files, dataset, options);
  if (files.label === undefined) return { id: files.id, image };
  const stored = await readLabels(files.label, options);
  warnOfLabelElsewhere(files.label, stored.geometry, image.geometry, files.images[0]!, options);
  checkSameGrid(`label ${files.label} of case ${files.id}`, files.label, stored, image, files.images[0]!, true);
  return { id: files.id, image, label: toLabels(stored, labelSet(dataset).allowed, files.label) };
}

/** File by file into one array, so that at most one file lies in memory beside it. */
async function readChannels(
  files: CaseFiles,
  dataset: ModelDataset,
  options: ReadImageOptions,
): Promise<Volume<Float32Array>>;
async function readChannels(
  files: CaseFiles,
  dataset: ModelDataset,
  options: ReadImageOptions,
  stays: (data: VoxelArray) => boolean,
): Promise<Volume>;
async function readChannels(
  { id, images }: CaseFiles,
  dataset: ModelDataset,
  options: ReadImageOptions,
  stays: (data: VoxelArray) => boolean = () => false,
): Promise<Volume> {
  const expected = dataset.channelNames.length;
  let whole: Volume | undefined;
  let channels = 0;
  if (images.length > expected) throw wrongChannels(id, images, images.length, dataset);
  for (const path of images) {
    const part = await readImage(path, options);
    checkFinite(part, path);
    const [nz, ny, nx] = spatialShape(part);
    const voxels = nz * ny * nx;
    if (whole) checkSameGrid(`image ${path} of case ${id}`, path, part, whole, images[0]!);
    else {
      const kept = stays(part.data);
      const isWhole = (kept || part.data instanceof Float32Array) && part.shape[0] === expected;
      const Type = (kept ? part.data.constructor : Float32Array) as new (length: number) => VoxelArray;
      whole = createVolume(isWhole ? part.data : new Type(expected * voxels), [expected, nz, ny, nx], part.geometry);
    }
    // Another type than the channels before: all of them become float32.
    const fits = whole.data instanceof Float32Array || part.data.constructor === whole.data.constructor;
    if (!fits) whole = createVolume(Float32Array.from(whole.data), whole.shape, whole.geometry);
    if (channels + part.shape[0] <= expected && part.data !== whole.data) whole.data.set(part.data, channels * voxels);
    channels += part.shape[0];
  }
  if (!whole || channels !== expected) {
    throw wrongChannels(id, images, channels, dataset);
  }
  return whole;
}

function wrongChannels(
  id: string,
  images: readonly string[],
  got: number,
  { channelNames }: ModelDataset,
): ImageFileError {
  const problem = `case ${id} has ${got} channel${got === 1 ? "" : "s"}, dataset.json names ${channelNames.length}`;
  return new ImageFileError(images[0] ?? id, "", `${problem} (${channelNames.join(", ")}); correct one of them`);
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

function checkSameGrid(
  subject: string,
  path: string,
  volume: Volume,
  first: Volume,
  firstPath: string,
  isLabel = false,
): void {
  const shape = spatialShape(volume);
  const expected = spatialShape(first);
  if (shape.some((n, axis) => n !== expected[axis])) {
    throw new ShapeMismatchError(
      subject,
      expected,
      shape,
      `all files of a case share one grid, that of ${firstPath}`,
      "image",
    );
  }
  const difference = placementDifferences(first.geometry, volume.geometry).find(
    (found) => !found.tiny && !(isLabel && mayLabelDiffer(found)),
  );
  if (!difference) return;
  const { field, first: expectedPlace, second } = difference;
  const unit = field === "direction" ? "" : " mm";
  const problem = `expected [${expectedPlace}]${unit} as in ${firstPath}, got [${second}]`;
  throw new ImageFileError(path, field, `${problem}; ${placementAdvice[field]}`);
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

const placementAdvice = {
  spacing: "correct the header or resample the file",
  direction: "its voxels run another way; reorient one of the two",
  origin: "it lies elsewhere; find out which header is right and correct the other",
} as const;

function checkFinite(volume: Volume, path: string): void {
  const i = firstNonFinite(volume.data);
  if (i < 0) return;
  const at = voxelPlace(i % (volume.data.length / volume.shape[0]), volume);
  throw new ImageFileError(
    path,
    `voxel ${at}`,
    `expected a number, got ${volume.data[i]}; repair the image or remove the case`,
  );
}

/** Index of the first value that is NaN, infinite, or too large for float32; −1 if there is none. */
export function firstNonFinite(data: VoxelArray): number {
  if (!(data instanceof Float32Array || data instanceof Float64Array)) return -1;
  // x · 0 is 0 exactly for finite x.
  for (let i = 0; i < data.length; i++) if (Math.fround(data[i]!) * 0 !== 0) return i;
  return -1;
}
