import {
  createVolume,
  type Geometry,
  ImageFileError,
  type Volume,
  type VoxelArray,
  type VolumeShape,
} from "@nnunet/core";
import { regularFile } from "@nnunet/core/node";
import { readRest, readText, refuseTooShort, skipLines } from "../files/bounded-file.ts";
import { type ImageInfo, promiseOf } from "../image-info.ts";
import { arrayTypeOf, bytesOf, planar, type StoredType, storedVoxels } from "./stored-voxels.ts";
import { voxelsFromHex, voxelsFromText } from "./text-voxels.ts";

/** What the checked header of a format says whose voxels are plain, deflated or spelt bytes (NRRD, MetaImage, GIPL, …). */
export interface VoxelHeader<Encoding extends "gzip" | "zlib" | "text" | "hex" = "gzip" | "zlib" | "text" | "hex"> {
  readonly type: StoredType;
  readonly littleEndian: boolean;
  /** "auto": the whole file is gzip-compressed if it begins so. */
  readonly encoding: "none" | "auto" | Encoding;
  /** The file that holds the voxels, and where in it they begin. */
  readonly voxelPath: string;
  readonly voxelOffset: number;
  /** Other bytes may follow the voxels. */
  readonly isFollowed?: boolean;
  /** Lines of text to pass over first. */
  readonly lineSkip?: number;
  /** Bytes to pass over then, after decompression; "unknown" if the voxels are the last bytes. */
  readonly byteSkip?: number | "unknown";
  readonly shape: VolumeShape;
  /** The channels of a voxel lie together (RGB RGB …) instead of one volume after the other. */
  readonly channelsFirst: boolean;
  readonly geometry: Geometry;
}

/** The volume that a header describes. @param path - the header's file, named in errors */
async function readVoxels(path: string, header: VoxelHeader): Promise<Volume> {
  const { shape } = header;
  const data = await readStored(path, header);
  return createVolume(header.channelsFirst ? planar(data, shape[0]) : data, shape, header.geometry);
}

/** What can be said of it without its voxels, of which there must be room for all. */
async function infoOf(header: VoxelHeader, format: string): Promise<ImageInfo> {
  const { shape, geometry, type, voxelPath, voxelOffset, encoding } = header;
  const count = shape[0] * shape[1] * shape[2] * shape[3];
  const isSpelt = encoding === "text" || encoding === "hex"; // by a character at least
  const length = isSpelt ? count : count * bytesOf[type];
  await refuseTooShort(voxelPath, voxelOffset, length, promiseOf(shape, type), isSpelt ? "none" : encoding);
  return { shape, geometry, dataType: arrayTypeOf(type), format };
}

/** The row of a format whose header says everything before the voxels: its name and its two readers. */
export function headedFormat(name: string, readHeader: (path: string) => Promise<VoxelHeader>) {
  return {
    name,
    read: async (path: string): Promise<Volume> => readVoxels(path, await readHeader(path)),
    readInfo: async (path: string): Promise<ImageInfo> => infoOf(await readHeader(path), name),
  };
}

async function readStored(path: string, header: VoxelHeader): Promise<VoxelArray> {
  const { shape, type, voxelPath, encoding, littleEndian, isFollowed = false, byteSkip = 0 } = header;
  const count = shape[0] * shape[1] * shape[2] * shape[3];
  const length = count * bytesOf[type];
  const promise = promiseOf(shape, type);
  const start = await skipLines(voxelPath, header.voxelOffset, header.lineSkip ?? 0);
  if (encoding === "text" || encoding === "hex") {
    // 40 characters are enough for any number and what separates it from the next.
    const most = (encoding === "hex" ? 3 * length : 40 * count) + 2 ** 16 + (byteSkip === "unknown" ? 0 : byteSkip);
    if (byteSkip === "unknown")
      throw new ImageFileError(path, "byte skip", "expected a number of bytes before text, got -1");
    const text = await readText(voxelPath, start + byteSkip, most, promise);
    if (encoding === "text") return voxelsFromText(text, count, type, voxelPath);
    return storedVoxels(voxelsFromHex(text, length, voxelPath), type, littleEndian, path);
  }
  let first = start;
  if (encoding === "none") {
    const { size } = await regularFile(voxelPath);
    first = byteSkip === "unknown" ? Math.max(start, size - length) : start + byteSkip;
  }
  const buffer = await readRest(voxelPath, first, length, promise, encoding, { isFollowed, before: byteSkip });
  return storedVoxels(buffer, type, littleEndian, path);
}

/** The file with the voxels, if it is another one than the header's. */
export function voxelFileBeside(path: string, { voxelPath }: VoxelHeader): readonly string[] {
  return voxelPath === path ? [] : [voxelPath];
}
