import { basename } from "node:path";
import type { Geometry, Volume } from "@nnunet/core";
import { writeChunksAtomic } from "@nnunet/core/node";
import { planeAxes } from "../geometry/axes-to-write.ts";
import { splitAxisVector } from "../geometry/axis-vectors.ts";
import { copyDetached } from "../files/copy-detached.ts";
import { compressedChunks, slices } from "../files/byte-chunks.ts";
import type { WriteImageOptions } from "../image-format.ts";
import { voxelFileBeside } from "../voxels/headed-voxels.ts";
import { readNrrdHeader } from "./nrrd-header.ts";
import { bytesOfArray, type StoredType, typeOfArray } from "../voxels/stored-voxels.ts";

/*
 * NRRD (teem's format, 3D Slicer's own), `.nrrd` and `.nhdr` with the voxels in a file beside it. Read by ourselves:
 * its header has to be understood anyway before a number in it can be trusted, and what follows is plain bytes.
 */

const typeNames: Readonly<Record<StoredType, string>> = {
  uint8: "uint8",
  int8: "int8",
  uint16: "uint16",
  int16: "int16",
  uint32: "uint32",
  int32: "int32",
  uint64: "uint64",
  int64: "int64",
  float32: "float",
  float64: "double",
};

/** Writes `.nrrd`, or `.nhdr` with its voxels in a `.raw.gz` beside it; channels one volume after the other. */
export async function writeNrrd(path: string, volume: Volume, { compression = 1 } = {}): Promise<void> {
  const { shape, geometry, data } = volume;
  const [channels, nz, ny, nx] = shape;
  const raw = compression === 0;
  const [voxelPath] = nrrdVoxelFileWritten(path, { compression });
  const isList = channels > 1;
  const axes = planeAxes(geometry, shape);
  const header = [
    "NRRD0005",
    `type: ${typeNames[typeOfArray(data)]}`,
    `dimension: ${axes + (isList ? 1 : 0)}`,
    "space: left-posterior-superior",
    `sizes: ${[nx, ny, nz].slice(0, axes).join(" ")}${isList ? ` ${channels}` : ""}`,
    `space directions: ${axisVectors(geometry).slice(0, axes).join(" ")}${isList ? " none" : ""}`,
    `kinds: ${new Array(axes).fill("domain").join(" ")}${isList ? " list" : ""}`,
    ...(data.BYTES_PER_ELEMENT > 1 ? ["endian: little"] : []),
    `encoding: ${raw ? "raw" : "gzip"}`,
    `space origin: (${geometry.origin.join(",")})`,
    ...(voxelPath === undefined ? [] : [`data file: ${basename(voxelPath)}`]),
    "\n",
  ].join("\n");
  const voxels = () => {
    const chunks = slices([bytesOfArray(data)]);
    return raw ? chunks : compressedChunks(chunks, "gzip", compression);
  };
  // The voxels first: a header without its voxels would look like an image.
  if (voxelPath !== undefined) await writeChunksAtomic(voxelPath, voxels());
  await writeChunksAtomic(
    path,
    (async function* () {
      yield Buffer.from(header);
      if (voxelPath === undefined) yield* voxels();
    })(),
  );
}

/** The data file that a header names. */
export async function nrrdVoxelFile(path: string): Promise<readonly string[]> {
  return voxelFileBeside(path, await readNrrdHeader(path));
}

/** The data file that is written beside an `.nhdr`. */
export function nrrdVoxelFileWritten(path: string, { compression = 1 }: WriteImageOptions): readonly string[] {
  return /\.nhdr$/i.test(path) ? [path.replace(/\.nhdr$/i, compression === 0 ? ".raw" : ".raw.gz")] : [];
}

/** Copies an image and its data file. */
export async function copyNrrd(from: string, to: string): Promise<boolean> {
  const { voxelPath } = await readNrrdHeader(from);
  return copyDetached(from, to, voxelPath, /^(data ?file:[ \t]*)[^\r\n]*/im, (path) => /\.nhdr$/i.test(path));
}

/** Direction · spacing per axis, such that reading gives spacing and direction back, bit for bit if that can be had. */
function axisVectors({ spacing, direction }: Geometry): string[] {
  return [0, 1, 2].map((c) => {
    const length = spacing[2 - c]!;
    const unit = [0, 1, 2].map((row) => direction[3 * row + c]!);
    const product = unit.map((v) => v * length);
    const neighbours = product.map((v) => [v, ...[1, -1].map((ulp) => v + ulp * Math.abs(v) * 2 ** -53)]);
    for (const x of neighbours[0]!) {
      for (const y of neighbours[1]!) {
        for (const z of neighbours[2]!) {
          const back = splitAxisVector([x, y, z]);
          if (back.spacing === length && back.direction.every((v, i) => v === unit[i])) return `(${x},${y},${z})`;
        }
      }
    }
    return `(${product.join(",")})`;
  });
}
