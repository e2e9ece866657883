import { ImageFileError, UnsupportedError } from "@nnunet/core";
import { readPrefix } from "../files/bounded-file.ts";
import { spansSpace } from "../geometry/axis-vectors.ts";
import type { VoxelHeader } from "../voxels/headed-voxels.ts";
import type { StoredType } from "../voxels/stored-voxels.ts";

/*
 * MGH and MGZ, FreeSurfer's format: 284 bytes of header, most significant byte first, the voxels, then perhaps
 * acquisition parameters and tags, which are passed over. Frames are channels.
 */

const headerSize = 284;
const types: Readonly<Record<number, StoredType>> = { 0: "uint8", 1: "int32", 3: "float32", 4: "int16", 10: "uint16" };

/** @throws {ImageFileError} if the file is cut off, its header is damaged or no MGH */
export async function readMghHeader(path: string): Promise<VoxelHeader> {
  const { bytes } = await readPrefix(path, headerSize);
  if (bytes.length < headerSize || bytes.readInt32BE(0) !== 1) {
    throw new ImageFileError(path, "", "this is no MGH file, whatever its name says");
  }
  const [nx, ny, nz, frames] = [4, 8, 12, 16].map((at) => bytes.readInt32BE(at)) as [number, number, number, number];
  if (!(nx > 0 && ny > 0 && nz > 0 && frames > 0)) {
    throw new ImageFileError(path, "dimensions", `expected positive numbers, got ${[nx, ny, nz, frames].join(" × ")}`);
  }
  const code = bytes.readInt32BE(20);
  const type = types[code];
  if (type === undefined) throw new UnsupportedError(`MGH of voxel type ${code} (${path})`, "save it as .nii.gz");
  return {
    type,
    littleEndian: false,
    encoding: "auto",
    voxelPath: path,
    voxelOffset: headerSize,
    isFollowed: true,
    shape: [frames, nz, ny, nx],
    channelsFirst: false,
    geometry: geometryOf(bytes, [nx, ny, nz], path),
  };
}

/** FreeSurfer gives the centre of the volume and the axes in RAS; without them it means a coronal volume of 1 mm. */
function geometryOf(bytes: Buffer, size: readonly number[], path: string): VoxelHeader["geometry"] {
  const isGood = bytes.readInt16BE(28) > 0;
  const floats = (at: number, count: number) => Array.from({ length: count }, (_, i) => bytes.readFloatBE(at + 4 * i));
  const spacing = isGood ? floats(30, 3) : [1, 1, 1];
  const axes = isGood ? floats(42, 9) : [-1, 0, 0, 0, 0, -1, 0, 1, 0];
  const centre = isGood ? floats(78, 3) : [0, 0, 0];
  if (!spacing.every((s) => s > 0 && Number.isFinite(s))) {
    throw new ImageFileError(path, "delta", `expected positive spacings in mm, got ${spacing.join(", ")}`);
  }
  if (!centre.every(Number.isFinite))
    throw new ImageFileError(path, "c_ras", `expected numbers, got ${centre.join(", ")}`);
  const columns = [0, 1, 2].map((axis) => axes.slice(3 * axis, 3 * axis + 3));
  if (!spansSpace(columns)) throw new ImageFileError(path, "x_ras", "the axes do not span space");
  const toLps = [-1, -1, 1];
  const origin = [0, 1, 2].map((row) => {
    const half = columns.reduce((sum, column, axis) => sum + (column[row]! * spacing[axis]! * size[axis]!) / 2, 0);
    return toLps[row]! * (centre[row]! - half) + 0;
  });
  return {
    spacing: [spacing[2]!, spacing[1]!, spacing[0]!],
    origin: [origin[0]!, origin[1]!, origin[2]!],
    direction: [0, 1, 2].flatMap((row) => columns.map((column) => toLps[row]! * column[row]! + 0)),
  };
}
