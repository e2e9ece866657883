import { ImageFileError, UnsupportedError } from "@nnunet/core";
import { readPrefix } from "../files/bounded-file.ts";
import type { VoxelHeader } from "../voxels/headed-voxels.ts";
import type { StoredType } from "../voxels/stored-voxels.ts";

/*
 * MRC2014 (Cheng et al. 2015, J. Struct. Biol. 192:146), the format of electron microscopy: 1024 bytes of header, perhaps an
 * extended one, then the voxels. Lengths are in Å there and are kept as they are, as by ITK.
 */

const headerSize = 1024;
const types: Readonly<Record<number, StoredType>> = { 1: "int16", 2: "float32", 6: "uint16" };

/** @throws {ImageFileError} if the file is cut off, its header is damaged or no MRC */
export async function readMrcHeader(path: string): Promise<VoxelHeader> {
  const { bytes } = await readPrefix(path, headerSize);
  const isMrc = bytes.length === headerSize && bytes.toString("latin1", 208, 211) === "MAP";
  if (!isMrc) throw new ImageFileError(path, "", "this is no MRC file (of 2000 or later), whatever its name says");
  const stamp = bytes[212];
  if (stamp !== 0x44 && stamp !== 0x11) {
    throw new ImageFileError(path, "MACHST", `expected 0x44 or 0x11, got 0x${stamp?.toString(16)}`);
  }
  const littleEndian = stamp === 0x44;
  const int = (at: number) => (littleEndian ? bytes.readInt32LE(at) : bytes.readInt32BE(at));
  const float = (at: number) => (littleEndian ? bytes.readFloatLE(at) : bytes.readFloatBE(at));
  const size = [int(0), int(4), int(8)] as const;
  if (!size.every((n) => n > 0))
    throw new ImageFileError(path, "NX", `expected positive numbers, got ${size.join(" × ")}`);
  const type = typeOf(int(12), int, path);
  const order = [int(64), int(68), int(72)].join();
  if (order !== "1,2,3" && order !== "0,0,0")
    throw new UnsupportedError(`MRC whose axes are turned (${path})`, "save it with x, y, z");
  const extended = int(92);
  if (extended < 0) throw new ImageFileError(path, "NSYMBT", `expected a positive number, got ${extended}`);
  const spacing = [0, 1, 2].map((axis) => {
    const [length, intervals] = [float(40 + 4 * axis), int(28 + 4 * axis)];
    return length > 0 && intervals > 0 ? length / intervals : 1; // nobody has said
  });
  const origin = [float(196), float(200), float(204)] as const;
  if (![...spacing, ...origin].every(Number.isFinite)) throw new ImageFileError(path, "ORIGIN", "expected numbers");
  return {
    type,
    littleEndian,
    encoding: "auto",
    voxelPath: path,
    voxelOffset: headerSize + extended,
    shape: [1, size[2], size[1], size[0]],
    channelsFirst: false,
    geometry: {
      spacing: [spacing[2]!, spacing[1]!, spacing[0]!],
      origin: [...origin],
      direction: [1, 0, 0, 0, 1, 0, 0, 0, 1],
    },
  };
}

/** Bytes are signed since 2014 and were not before, unless IMOD says so; a file that does not say when is a riddle. */
function typeOf(mode: number, int: (at: number) => number, path: string): StoredType {
  const known = types[mode];
  if (known !== undefined) return known;
  const names: Readonly<Record<number, string>> = {
    3: "complex",
    4: "complex",
    12: "16-bit float",
    101: "4-bit",
    16: "RGB",
  };
  if (mode !== 0)
    throw new UnsupportedError(`MRC of ${names[mode] ?? `mode ${mode}`} values (${path})`, "save it as .nii.gz");
  if (int(152) === 1146047817) return int(156) & 1 ? "int8" : "uint8"; // "IMOD"
  if (int(108) >= 20140) return "int8";
  throw new UnsupportedError(`MRC of bytes that does not say whether they are signed (${path})`, "save it as .nii.gz");
}
