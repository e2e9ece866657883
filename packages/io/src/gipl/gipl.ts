import { ImageFileError, UnsupportedError } from "@nnunet/core";
import { readPrefix } from "../files/bounded-file.ts";
import type { VoxelHeader } from "../voxels/headed-voxels.ts";
import type { StoredType } from "../voxels/stored-voxels.ts";

/*
 * GIPL (Guy's Image Processing Lab): 256 bytes of header, most significant byte first, then the voxels; perhaps all of it
 * gzip-compressed. Directions are not in it (ITK writes a matrix nowhere either). itk-wasm reads whole files right, but
 * fills up those that are cut off with zeros.
 */

const headerSize = 256;
const magics = [0xefffe9b0, 0x2ae389b8];
const types: Readonly<Record<number, StoredType>> = {
  7: "int8",
  8: "uint8",
  15: "int16",
  16: "uint16",
  31: "uint32",
  32: "int32",
  64: "float32",
  65: "float64",
};

/** @throws {ImageFileError} if the file is cut off, its header is damaged or no GIPL */
export async function readGiplHeader(path: string): Promise<VoxelHeader> {
  const { bytes } = await readPrefix(path, headerSize);
  if (bytes.length < headerSize || !magics.includes(bytes.readUInt32BE(252))) {
    throw new ImageFileError(path, "", "this is no GIPL file, whatever its name says");
  }
  const [nx, ny, nz, nt] = [0, 2, 4, 6].map((at) => bytes.readUInt16BE(at)) as [number, number, number, number];
  if (!(nx > 0 && ny > 0)) throw new ImageFileError(path, "dim", `expected positive numbers, got ${nx} × ${ny}`);
  const code = bytes.readUInt16BE(8);
  const type = types[code];
  if (type === undefined) throw new UnsupportedError(`GIPL of voxel type ${code} (${path})`, "save it as .nii.gz");
  const spacing = [10, 14, 18].map((at) => bytes.readFloatBE(at)) as [number, number, number];
  const used = nz > 1 ? spacing : spacing.slice(0, 2);
  if (!used.every((s) => s > 0 && Number.isFinite(s))) {
    throw new ImageFileError(path, "pixdim", `expected positive spacings in mm, got ${spacing.join(", ")}`);
  }
  const origin = [204, 212, 220].map((at) => bytes.readDoubleBE(at)) as [number, number, number];
  if (!origin.every(Number.isFinite))
    throw new ImageFileError(path, "origin", `expected numbers, got ${origin.join(", ")}`);
  const sz = spacing[2] > 0 && Number.isFinite(spacing[2]) ? spacing[2] : 1;
  return {
    type,
    littleEndian: false,
    encoding: "auto",
    voxelPath: path,
    voxelOffset: headerSize,
    shape: [Math.max(1, nt), Math.max(1, nz), ny, nx],
    channelsFirst: false,
    geometry: { spacing: [sz, spacing[1], spacing[0]], origin, direction: [1, 0, 0, 0, 1, 0, 0, 0, 1] },
  };
}
