import { rename, rm } from "node:fs/promises";
import { dirname, extname } from "node:path";
import {
  createVolume,
  type Geometry,
  ImageFileError,
  UnsupportedError,
  type Volume,
  type VoxelArray,
} from "@nnunet/core";
import { describeFileError, makeFolder, temporaryBeside } from "@nnunet/core/node";
import { readWhole } from "../files/bounded-file.ts";
import type { WriteImageOptions } from "../image-format.ts";
import type { ImageInfo } from "../image-info.ts";
import { itkReadImage, itkWriteImage } from "../itk/itk-wasm.ts";
import { parseBmpHeader, parseJpegHeader } from "./picture-headers.ts";
import { planeGeometry } from "../geometry/plane-geometry.ts";
import { interleaved, planar } from "../voxels/stored-voxels.ts";
import { parseTiffHeader } from "./tiff-header.ts";
import { readTiffSpacing, writeTiffSpacing } from "./tiff-spacing.ts";
import { narrowestUnsigned } from "../voxels/unsigned-voxels.ts";

/*
 * TIFF, BMP and JPEG: headers checked here, pixels decoded by itk-wasm.
 */

interface Picture {
  readonly format: "TIFF" | "BMP" | "JPEG";
  /** [channel, z, y, x] */
  readonly shape: readonly [number, number, number, number];
  readonly dataType: string;
  readonly bytes: number;
}

/** @throws {ImageFileError} if the file is cut off, damaged or not what its name says */
export async function readPicture(path: string): Promise<Volume> {
  const picture = await checkPicture(path);
  const image = await itkReadImage(path, picture.bytes);
  const [nx, ny, nz = 1] = image.size;
  const [, pz, py, px] = picture.shape;
  if (nx !== px || ny !== py || nz !== pz) {
    const got = `${nx} × ${ny} × ${nz}`;
    throw new ImageFileError(path, "", `ITK read ${got} pixels where the header says ${px} × ${py} × ${pz}`);
  }
  const [channels] = picture.shape;
  // ITK spreads a palette of greys over three equal colours.
  const isSpreadGrey = picture.format === "BMP" && channels === 1 && image.components === 3;
  if (image.components !== channels && !isSpreadGrey) {
    throw new ImageFileError(path, "", `ITK read ${image.components} colours where the header says ${channels}`);
  }
  const planes = image.components === 1 ? image.data : planar(image.data, image.components);
  const data = isSpreadGrey ? planes.slice(0, px * py) : planes;
  return createVolume(data as VoxelArray, picture.shape, await pictureGeometry(path, pz));
}

export async function readPictureInfo(path: string): Promise<ImageInfo> {
  const { shape, dataType, format } = await checkPicture(path);
  return { shape, dataType, format, geometry: await pictureGeometry(path, shape[1]) };
}

/**
 * Writes a TIFF (2D, or 3D as pages, with its spacing in a JSON file beside it) or BMP file.
 *
 * @throws {UnsupportedError} for what the format cannot hold
 * @throws {FileError} if there is a spacing file that says something else and may not be replaced
 */
export async function writePicture(path: string, volume: Volume, options: WriteImageOptions = {}): Promise<void> {
  const ending = extname(path).toLowerCase();
  const [channels, nz, ny, nx] = volume.shape;
  const isBmp = ending === ".bmp";
  if (isBmp && (nz > 1 || (channels !== 1 && channels !== 3))) {
    throw new UnsupportedError(`an image of ${nz} slices and ${channels} channels as BMP`, "use .nii.gz");
  }
  if (channels > 4 || (channels > 1 && nz > 1)) {
    throw new UnsupportedError(`a volume of ${channels} channels as TIFF`, "use .nii.gz");
  }
  const narrow =
    volume.data instanceof Float32Array && !isBmp
      ? volume.data
      : narrowestUnsigned(volume.data, isBmp ? "BMP" : "TIFF");
  if (isBmp && narrow instanceof Uint16Array) throw new UnsupportedError("a value above 255 in a BMP file", "use .png");
  const temporary = temporaryBeside(path, { ending });
  try {
    await makeFolder(dirname(path));
    const size = nz > 1 ? [nx, ny, nz] : [nx, ny];
    await itkWriteImage(temporary, {
      size,
      spacing: size.map(() => 1),
      origin: size.map(() => 0),
      direction: size.flatMap((_, i) => size.map((__, j) => (i === j ? 1 : 0))),
      components: channels,
      data: channels === 1 ? narrow : interleaved(narrow, channels),
    });
    // The spacing first: without it the image would be read with another.
    await writeTiffSpacing(path, volume, options);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw describeFileError(path, "could not be written", error);
  }
}

async function checkPicture(path: string): Promise<Picture> {
  const bytes = await readWhole(path);
  if (/\.tiff?$/i.test(path)) {
    const { width, height, pages, samples, bytesPerSample, dataType } = parseTiffHeader(bytes, path);
    const size = width * height * pages * samples * bytesPerSample;
    return { format: "TIFF", shape: [samples, pages, height, width], dataType, bytes: size };
  }
  const isBmp = /\.bmp$/i.test(path);
  const { width, height, channels } = isBmp ? parseBmpHeader(bytes, path) : parseJpegHeader(bytes, path);
  const format = isBmp ? "BMP" : "JPEG";
  return { format, shape: [channels, 1, height, width], dataType: "uint8", bytes: width * height * channels };
}

/** The spacing of several slices stands beside them; without a word there it is 1. */
async function pictureGeometry(path: string, slices: number): Promise<Geometry> {
  if (slices === 1) return planeGeometry;
  return { ...planeGeometry, spacing: (await readTiffSpacing(path)) ?? [1, 1, 1] };
}
