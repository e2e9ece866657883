import { createVolume, ImageFileError, UnsupportedError, type Volume } from "@nnunet/core";
import { readPrefix } from "../files/bounded-file.ts";
import { spansSpace } from "../geometry/axis-vectors.ts";
import type { ImageInfo } from "../image-info.ts";
import { itkReadImage } from "../itk/itk-wasm.ts";
import { planar, typeOfArray } from "../voxels/stored-voxels.ts";

/*
 * Images in HDF5 as ITK writes them (other HDF5 files are none). itk-wasm reads them: HDF5 is a file system of its own, and
 * its library notices a file that is cut off.
 */

const signature = Buffer.from("\x89HDF\r\n\x1a\n", "latin1");

/**
 * @throws {ImageFileError} if it is no such file, or ITK cannot read it
 * @throws {UnsupportedError} for 64-bit integers and more than three axes
 */
export async function readItkHdf5(path: string): Promise<Volume> {
  const { bytes, fileSize } = await readPrefix(path, signature.length);
  if (!bytes.equals(signature)) throw new ImageFileError(path, "", "this is no HDF5 file, whatever its name says");
  const { size, components, data, spacing, origin, direction } = await itkReadImage(path, fileSize);
  const axes = size.length;
  const hint = "save it as .nii.gz";
  if (axes !== 2 && axes !== 3) throw new UnsupportedError(`an HDF5 image of ${axes} axes (${path})`, hint);
  if (typeof data[0] === "bigint") throw new UnsupportedError(`an HDF5 image of 64-bit integers (${path})`, hint);
  const [nx, ny, nz = 1] = size as [number, number, number?];
  const at = (row: number, axis: number) =>
    row < axes && axis < axes ? direction[row * axes + axis]! : row === axis ? 1 : 0;
  const columns = [0, 1, 2].map((axis) => [0, 1, 2].map((row) => at(row, axis)));
  if (!(spansSpace(columns) && spacing.every((s) => s > 0) && origin.every(Number.isFinite))) {
    throw new ImageFileError(path, "", "its spacing, origin and directions place no image");
  }
  return createVolume(components === 1 ? data : planar(data, components), [components, nz, ny, nx], {
    spacing: [spacing[2] ?? 1, spacing[1]!, spacing[0]!],
    origin: [origin[0]!, origin[1]!, origin[2] ?? 0],
    direction: [0, 1, 2].flatMap((row) => columns.map((column) => column[row]!)),
  });
}

/** ITK has no way to read the header alone. */
export async function readItkHdf5Info(path: string): Promise<ImageInfo> {
  const { shape, geometry, data } = await readItkHdf5(path);
  return { shape, geometry, dataType: typeOfArray(data), format: "HDF5" };
}
