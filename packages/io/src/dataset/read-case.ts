import {
  type CaseFiles,
  createVolume,
  type DatasetJson,
  ImageFileError,
  type LoadedCase,
  labelSet,
  type Shape3,
  ShapeMismatchError,
  show,
  spatialShape,
  type Volume,
  type VoxelArray,
} from "@nnunet/core";
import { readImage } from "../image-file.ts";
import { sameSpacing } from "../geometry/same-place.ts";

/**
 * Reads a case: all channels as one float32 array [channel, z, y, x], the labels as int16 [1, z, y, x]; checks that
 * they belong together.
 *
 * Geometry is that of the first channel. Origin and direction may differ a little, as they do in real datasets
 * (`verifyDataset` reports it); an axis that runs the other way is an error, because the labels would lie mirrored.
 *
 * @throws {FileError} if a file is missing or unreadable
 * @throws {ImageFileError} if a file is damaged, an image has a NaN or infinite voxel, a label file has a value that
 *   dataset.json does not declare, or spacings or the order of axes differ
 * @throws {ShapeMismatchError} if a channel or the label has another shape
 */
export async function readCase(files: CaseFiles, dataset: DatasetJson): Promise<LoadedCase> {
  const image = await readChannels(files, dataset);
  if (files.label === undefined) return { id: files.id, image };
  const stored = await readImage(files.label);
  checkSameGrid(`label ${files.label} of case ${files.id}`, files.label, stored, image, files.images[0]!);
  return { id: files.id, image, label: toLabels(stored, labelSet(dataset).allowed, files.label) };
}

/** File by file into one array, so that at most one file lies in memory beside it. */
async function readChannels({ id, images }: CaseFiles, dataset: DatasetJson): Promise<Volume<Float32Array>> {
  const expected = dataset.channelNames.length;
  let whole: Volume<Float32Array> | undefined;
  let channels = 0;
  for (const path of images) {
    const part = await readImage(path);
    checkFinite(part, path);
    const [nz, ny, nx] = spatialShape(part);
    const voxels = nz * ny * nx;
    if (whole) checkSameGrid(`image ${path} of case ${id}`, path, part, whole, images[0]!);
    else {
      const isWhole = part.data instanceof Float32Array && part.shape[0] === expected;
      const data = isWhole ? (part.data as Float32Array) : new Float32Array(expected * voxels);
      whole = createVolume(data, [expected, nz, ny, nx], part.geometry);
    }
    if (channels + part.shape[0] <= expected && part.data !== whole.data) whole.data.set(part.data, channels * voxels);
    channels += part.shape[0];
  }
  if (!whole || channels !== expected) {
    const names = dataset.channelNames.join(", ");
    throw new ImageFileError(
      images[0] ?? id,
      "",
      `case ${id} has ${channels} channel${channels === 1 ? "" : "s"}, dataset.json names ${expected} (${names}); correct one of them`,
    );
  }
  return whole;
}

/** The voxels of a label file as int16, each of a declared value. */
export function toLabels(stored: Volume, allowed: readonly number[], path: string): Volume<Int16Array> {
  if (stored.shape[0] !== 1) {
    throw new ImageFileError(path, "", `expected one label per voxel, got ${stored.shape[0]} channels`);
  }
  const declared = new Uint8Array(32768);
  for (const id of allowed) declared[id] = 1;
  const { data } = stored;
  const labels = data instanceof Int16Array ? data : new Int16Array(data.length);
  const copy = labels !== data;
  for (let i = 0; i < data.length; i++) {
    const value = data[i]!;
    if (declared[value] !== 1) {
      const at = showIndex(i, spatialShape(stored));
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

function checkSameGrid(subject: string, path: string, volume: Volume, first: Volume, firstPath: string): void {
  const shape = spatialShape(volume);
  const expected = spatialShape(first);
  if (shape.some((n, axis) => n !== expected[axis])) {
    throw new ShapeMismatchError(subject, expected, shape, `all files of a case share one grid, that of ${firstPath}`);
  }
  if (!sameSpacing(volume.geometry.spacing, first.geometry.spacing)) {
    throw new ImageFileError(
      path,
      "spacing",
      `expected [${first.geometry.spacing}] mm as in ${firstPath}, got [${volume.geometry.spacing}]; correct the header or resample the file`,
    );
  }
  if (liesOtherwise(volume.geometry.direction, first.geometry.direction)) {
    throw new ImageFileError(
      path,
      "direction",
      `expected [${first.geometry.direction}] as in ${firstPath}, got [${volume.geometry.direction}]: its voxels run another way; reorient one of the two`,
    );
  }
}

/** Whether an axis of one runs the other way or along another axis; smaller differences are `verifyDataset`'s. */
function liesOtherwise(a: readonly number[], b: readonly number[]): boolean {
  return a.some((v, i) => Math.abs(v - b[i]!) > 0.5);
}

function checkFinite(volume: Volume, path: string): void {
  const i = firstNonFinite(volume.data);
  if (i < 0) return;
  const at = showIndex(i % (volume.data.length / volume.shape[0]), spatialShape(volume));
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

/** "[z, y, x]" of a flat index. */
export function showIndex(i: number, [, ny, nx]: Shape3): string {
  return `[${Math.floor(i / (ny * nx))}, ${Math.floor(i / nx) % ny}, ${i % nx}]`;
}
