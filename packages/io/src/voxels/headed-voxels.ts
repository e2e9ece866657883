import { createVolume, type Geometry, type Volume, type VolumeShape } from "@nnunet/core";
import { readRest } from "../files/bounded-file.ts";
import { type ImageInfo, promiseOf } from "../image-info.ts";
import { arrayTypeOf, bytesOf, planar, type StoredType, storedVoxels } from "./stored-voxels.ts";

/** What the checked header of a format says whose voxels are plain or deflated bytes (NRRD, MetaImage, GIPL, …). */
export interface VoxelHeader<Encoding extends "gzip" | "zlib" = "gzip" | "zlib"> {
  readonly type: StoredType;
  readonly littleEndian: boolean;
  /** "auto": the whole file is gzip-compressed if it begins so. */
  readonly encoding: "none" | "auto" | Encoding;
  /** The file that holds the voxels, and where in it they begin. */
  readonly voxelPath: string;
  readonly voxelOffset: number;
  /** Other bytes may follow the voxels. */
  readonly isFollowed?: boolean;
  readonly shape: VolumeShape;
  /** The channels of a voxel lie together (RGB RGB …) instead of one volume after the other. */
  readonly channelsFirst: boolean;
  readonly geometry: Geometry;
}

/** The volume that a header describes. @param path - the header's file, named in errors */
export async function readVoxels(path: string, header: VoxelHeader): Promise<Volume> {
  const { shape, type } = header;
  const length = shape[0] * shape[1] * shape[2] * shape[3] * bytesOf[type];
  const promise = promiseOf(shape, type);
  const buffer = await readRest(
    header.voxelPath,
    header.voxelOffset,
    length,
    promise,
    header.encoding,
    header.isFollowed,
  );
  const data = storedVoxels(buffer, type, header.littleEndian, path);
  return createVolume(header.channelsFirst ? planar(data, shape[0]) : data, shape, header.geometry);
}

/** What can be said of it without its voxels. */
export function infoOf({ shape, geometry, type }: VoxelHeader, format: string): ImageInfo {
  return { shape, geometry, dataType: arrayTypeOf(type), format };
}

/** The file with the voxels, if it is another one than the header's. */
export function voxelFileBeside(path: string, { voxelPath }: VoxelHeader): readonly string[] {
  return voxelPath === path ? [] : [voxelPath];
}
