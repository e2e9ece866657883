import { ImageFileError, type Volume } from "@nnunet/core";
import { readLabels, voxelPlace } from "@nnunet/io";

/**
 * A segmentation.
 *
 * @throws {ImageFileError} if a voxel is no whole number; further errors as `readLabels`
 */
export async function readWholeLabels(path: string): Promise<Volume> {
  const volume = await readLabels(path);
  const { data } = volume;
  for (let i = 0; i < data.length; i++) {
    if (!Number.isInteger(data[i]!)) {
      throw new ImageFileError(
        path,
        "",
        `voxel ${voxelPlace(i % (data.length / volume.shape[0]), volume)} is ${data[i]}, but a segmentation has whole label numbers only`,
      );
    }
  }
  return volume;
}

/** The same as label ids; errors as of {@link readWholeLabels}, and if a number is none that a label can have. */
export async function readLabelIds(path: string): Promise<Volume<Int16Array>> {
  const volume = await readWholeLabels(path);
  const { data } = volume;
  if (data instanceof Int16Array) return { ...volume, data };
  const ids = Int16Array.from(data);
  const other = data.findIndex((value, i) => value !== ids[i]);
  if (other < 0) return { ...volume, data: ids };
  const problem = `voxel ${voxelPlace(other, volume)} is ${data[other]}, and label numbers go from -32768 to 32767`;
  throw new ImageFileError(path, "", problem);
}
