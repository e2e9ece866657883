import { randomBytes } from "node:crypto";
import { rename, rm } from "node:fs/promises";
import { dirname, extname } from "node:path";
import {
  createVolume,
  type Geometry,
  ImageFileError,
  InvalidArtifactError,
  UnsupportedError,
  type Volume,
  type VoxelArray,
} from "@nnunet/core";
import { describeFileError, exists, makeFolder, readJson } from "@nnunet/core/node";
import { readWhole } from "../files/bounded-file.ts";
import type { ImageInfo } from "../image-info.ts";
import { itkReadImage, itkWriteImage } from "../itk/itk-wasm.ts";
import { parseBmpHeader, parseJpegHeader } from "./picture-headers.ts";
import { planeGeometry } from "../geometry/plane-geometry.ts";
import { interleaved, planar } from "../voxels/stored-voxels.ts";
import { parseTiffHeader } from "./tiff-header.ts";
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
 * Writes a TIFF (2D, or 3D as pages) or BMP file.
 *
 * @throws {UnsupportedError} for JPEG, which changes values, and for what the format cannot hold
 */
export async function writePicture(path: string, volume: Volume): Promise<void> {
  const ending = extname(path).toLowerCase();
  const [channels, nz, ny, nx] = volume.shape;
  if (/jpe?g/.test(ending))
    throw new UnsupportedError("writing JPEG, which changes the values,", "use .png or .nii.gz");
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
  const temporary = `${path.slice(0, -ending.length)}.${process.pid}-${randomBytes(4).toString("hex")}.tmp${ending}`;
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

/**
 * nnU-Net's rule for 3D TIFF: the spacing stands in a JSON file beside it, `case.json` for `case_0000.tif` and
 * `case.tif`: `{ "spacing": [z, y, x] }`. Without one it is 1.
 */
async function pictureGeometry(path: string, slices: number): Promise<Geometry> {
  if (slices === 1) return planeGeometry;
  const jsonPath = `${path.replace(/(_\d{4})?\.[^.]+$/, "")}.json`;
  if (!(await exists(jsonPath))) return { ...planeGeometry, spacing: [1, 1, 1] };
  const { spacing } = ((await readJson(jsonPath)) ?? {}) as { spacing?: unknown };
  const positive = (s: unknown) => typeof s === "number" && s > 0 && Number.isFinite(s);
  if (!(Array.isArray(spacing) && spacing.length === 3 && spacing.every(positive))) {
    throw new InvalidArtifactError(jsonPath, "spacing", `expected three positive numbers [z, y, x] in mm`);
  }
  return { ...planeGeometry, spacing: [spacing[0], spacing[1], spacing[2]] };
}
