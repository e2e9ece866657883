import { basename } from "node:path";
import type { Volume } from "@nnunet/core";
import { writeChunksAtomic } from "@nnunet/core/node";
import { copyDetached } from "../files/copy-detached.ts";
import { planeAxes } from "../geometry/axes-to-write.ts";
import { compressedChunks, slices } from "../files/byte-chunks.ts";
import type { WriteImageOptions } from "../image-format.ts";
import { voxelFileBeside } from "../voxels/headed-voxels.ts";
import { readMetaImageHeader } from "./metaimage-header.ts";
import { bytesOfArray, type StoredType, typeOfArray } from "../voxels/stored-voxels.ts";

/*
 * MetaImage (ITK's own format), `.mha` and `.mhd` with the voxels in a file beside it. Read by ourselves for the same
 * reason as NRRD.
 */

const typeNames: Readonly<Partial<Record<StoredType, string>>> = {
  int8: "MET_CHAR",
  uint8: "MET_UCHAR",
  int16: "MET_SHORT",
  uint16: "MET_USHORT",
  int32: "MET_INT",
  uint32: "MET_UINT",
  float32: "MET_FLOAT",
  float64: "MET_DOUBLE",
};

/** Writes `.mha`, or `.mhd` with its voxels in a `.zraw` (compressed) or `.raw` beside it; channels as a 4th axis. */
export async function writeMetaImage(path: string, volume: Volume, { compression = 1 } = {}): Promise<void> {
  const { shape, geometry, data } = volume;
  const [channels, nz, ny, nx] = shape;
  const is4d = channels > 1;
  const raw = compression === 0;
  const [voxelPath] = metaImageVoxelFileWritten(path, { compression });
  const { direction, origin } = geometry;
  const isPlane = !is4d && origin[2] === 0 && [2, 5, 6, 7].every((i) => direction[i] === 0) && direction[8] === 1;
  const n = is4d ? 4 : isPlane ? planeAxes(geometry, shape) : 3;
  const matrix = Array.from({ length: n * n }, (_, i) => {
    const [axis, row] = [Math.floor(i / n), i % n];
    return axis < 3 && row < 3 ? direction[3 * row + axis]! : axis === row ? 1 : 0;
  });
  const spacing = [geometry.spacing[2], geometry.spacing[1], geometry.spacing[0]];
  // ITK does not read compressed voxels without their compressed size, so they are held until it is known.
  const voxels: Uint8Array[] = [];
  for await (const chunk of raw
    ? slices([bytesOfArray(data)])
    : compressedChunks(slices([bytesOfArray(data)]), "zlib", compression)) {
    voxels.push(chunk);
  }
  const header = [
    "ObjectType = Image",
    `NDims = ${n}`,
    "BinaryData = True",
    "BinaryDataByteOrderMSB = False",
    `CompressedData = ${raw ? "False" : "True"}`,
    ...(raw ? [] : [`CompressedDataSize = ${voxels.reduce((n, chunk) => n + chunk.length, 0)}`]),
    `TransformMatrix = ${matrix.join(" ")}`,
    `Offset = ${[...origin, 0].slice(0, n).join(" ")}`,
    `CenterOfRotation = ${Array(n).fill(0).join(" ")}`,
    `ElementSpacing = ${[...spacing, 1].slice(0, n).join(" ")}`,
    `DimSize = ${[nx, ny, nz, channels].slice(0, n).join(" ")}`,
    `ElementType = ${typeNames[typeOfArray(data)]}`,
    `ElementDataFile = ${voxelPath === undefined ? "LOCAL" : basename(voxelPath)}`,
    "",
  ].join("\n");
  // The voxels first: a header without its voxels would look like an image.
  if (voxelPath !== undefined) await writeChunksAtomic(voxelPath, voxels);
  await writeChunksAtomic(path, [Buffer.from(header), ...(voxelPath === undefined ? voxels : [])]);
}

/** The data file that a header names. */
export async function metaImageVoxelFile(path: string): Promise<readonly string[]> {
  return voxelFileBeside(path, await readMetaImageHeader(path));
}

/** The data file that is written beside an `.mhd`. */
export function metaImageVoxelFileWritten(path: string, { compression = 1 }: WriteImageOptions): readonly string[] {
  return /\.mhd$/i.test(path) ? [path.replace(/\.mhd$/i, compression === 0 ? ".raw" : ".zraw")] : [];
}

/** Copies an image and its data file. */
export async function copyMetaImage(from: string, to: string): Promise<boolean> {
  const { voxelPath } = await readMetaImageHeader(from);
  return copyDetached(from, to, voxelPath, /^(ElementDataFile[ \t]*=[ \t]*)[^\r\n]*/m, (path) => /\.mhd$/i.test(path));
}
