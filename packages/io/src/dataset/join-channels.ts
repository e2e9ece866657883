import {
  type CaseFiles,
  createVolume,
  firstNonFinite,
  ImageFileError,
  type ModelDataset,
  ShapeMismatchError,
  spatialShape,
  type Volume,
  type VoxelArray,
} from "@nnunet/core";
import { mayLabelDiffer, placementDifferences } from "../geometry/same-place.ts";
import { voxelPlace } from "../geometry/voxel-place.ts";

/**
 * Image by image into one float32 array [channel, z, y, x], so that at most one lies in memory beside it. Geometry is that
 * of the first; all must have their voxels at the same places.
 *
 * @param images - names, in the order of the channels; one image may hold several channels
 * @param read - gives the image of a name
 * @param namedBy - who names the channels, for the error
 * @throws {ImageFileError} if there are more or fewer channels than names, a voxel is NaN or infinite, or two images differ in
 *   spacing, direction or origin
 * @throws {ShapeMismatchError} if an image has another shape
 */
export async function joinChannels(
  files: Pick<CaseFiles, "id" | "images">,
  dataset: Pick<ModelDataset, "channelNames">,
  read: (name: string) => Promise<Volume>,
  namedBy?: string,
): Promise<Volume<Float32Array>> {
  return (await join(files, dataset, read, namedBy, () => false)) as Volume<Float32Array>;
}

/**
 * {@link joinChannels}, but whole numbers of 8 or 16 bits stay as they are stored, which is a half or a quarter of the memory;
 * everything else becomes float32. Errors are the same.
 */
export async function joinStoredChannels(
  files: Pick<CaseFiles, "id" | "images">,
  dataset: Pick<ModelDataset, "channelNames">,
  read: (name: string) => Promise<Volume>,
  namedBy?: string,
): Promise<Volume> {
  return join(files, dataset, read, namedBy, (data) => data.BYTES_PER_ELEMENT <= 2);
}

async function join(
  { id, images }: Pick<CaseFiles, "id" | "images">,
  dataset: Pick<ModelDataset, "channelNames">,
  read: (name: string) => Promise<Volume>,
  namedBy = "dataset.json",
  stays: (data: VoxelArray) => boolean,
): Promise<Volume> {
  const expected = dataset.channelNames.length;
  let whole: Volume | undefined;
  let channels = 0;
  if (images.length > expected) throw wrongChannels(id, images, images.length, dataset, namedBy);
  for (const path of images) {
    const part = await read(path);
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
  if (!whole || channels !== expected) throw wrongChannels(id, images, channels, dataset, namedBy);
  return whole;
}

function wrongChannels(
  id: string,
  images: readonly string[],
  got: number,
  { channelNames }: Pick<ModelDataset, "channelNames">,
  namedBy: string,
): ImageFileError {
  const problem = `case ${id} has ${got} channel${got === 1 ? "" : "s"}, ${namedBy} names ${channelNames.length}`;
  return new ImageFileError(images[0] ?? id, "", `${problem} (${channelNames.join(", ")}); correct one of them`);
}

/** @throws if a volume has another shape than the first, or its voxels at other places */
export function checkSameGrid(
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

const placementAdvice = {
  spacing: "correct the header or resample the file",
  direction: "its voxels run another way; reorient one of the two",
  origin: "it lies elsewhere; find out which header is right and correct the other",
} as const;

function checkFinite(volume: Volume, path: string): void {
  const i = firstNonFinite(volume.data);
  if (i < 0) return;
  const at = voxelPlace(i % (volume.data.length / volume.shape[0]), volume);
  const value = volume.data[i]!;
  const expected = Number.isFinite(value) ? "a number that float32 can hold" : "a number";
  throw new ImageFileError(
    path,
    `voxel ${at}`,
    `expected ${expected}, got ${value}; repair the image or remove the case`,
  );
}
