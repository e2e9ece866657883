import { stat } from "node:fs/promises";
import { basename, join } from "node:path";
import {
  createVolume,
  FileError,
  type Geometry,
  ImageFileError,
  UnsupportedError,
  type Volume,
  type VoxelArray,
} from "@nnunet/core";
import { describeFileError } from "@nnunet/core/node";
import { cross } from "../geometry/axis-vectors.ts";
import { readPrefix, readWhole } from "../files/bounded-file.ts";
import { visibleFiles } from "../files/folder-contents.ts";
import { type DicomSlice, isDicom, parseDicomSlice } from "./dicom-tags.ts";
import type { ImageInfo } from "../image-info.ts";
import { type ItkImage, itkReadSeries } from "../itk/itk-wasm.ts";
import { planar } from "../voxels/stored-voxels.ts";

export interface DicomOptions {
  /** Which series of a folder that holds several; see `listDicomSeries`. */
  readonly seriesUid?: string;
}

export interface DicomSeriesInfo {
  readonly seriesUid: string;
  readonly modality: string;
  readonly files: readonly string[];
}

/** itk-wasm's memory is 32-bit: a long series is read in parts. */
const slicesPerCall = 128;

/** Unequal by more than this fraction of a slice distance, two distances are not the same. */
const gapTolerance = 0.01;

/**
 * Reads the DICOM series in a folder (or one DICOM file) as a volume, rescaled to the modality's values (Hounsfield
 * units for CT), slices ordered by their position.
 *
 * ITK decodes the pixels; what it passes over in silence is checked here before: that all slices are of one series, size
 * and orientation, lie behind each other, and that none is missing, doubled or cut off.
 *
 * @param path - a folder whose files are slices, or one file
 * @throws {ImageFileError} naming the slices between which one is missing, or the file that does not belong
 * @throws {FileError} if there is no DICOM file, or there are several series and none was chosen
 */
export async function readDicom(path: string, options: DicomOptions = {}): Promise<Volume> {
  const slices = await sortedSlices(path, options);
  const geometry = geometryOf(slices);
  const { rows, columns } = slices[0]!;
  let data: VoxelArray | undefined;
  let components = 1;
  for (let first = 0; first < slices.length; first += slicesPerCall) {
    const block = slices.slice(first, first + slicesPerCall);
    const image = await readBlock(path, block);
    if (first === 0) checkPlace(path, geometry, image.spacing, image.origin);
    ({ components } = image);
    const planes = components === 1 ? image.data : planar(image.data, components);
    if (block.length === slices.length) data = planes;
    else data = placeBlock(data, planes, { components, pixels: rows * columns, first, slices: slices.length });
  }
  return createVolume(data!, [components, slices.length, rows, columns], geometry);
}

async function readBlock(path: string, block: readonly DicomSlice[]): Promise<ItkImage> {
  const { rows, columns, samples } = block[0]!;
  const files = block.map((slice) => slice.path);
  const image = await itkReadSeries(files, path, rows * columns * block.length * samples * 4);
  const [nx, ny, nz = 1] = image.size;
  if (nx !== columns || ny !== rows || nz !== block.length) {
    const problem = `ITK read ${nx} × ${ny} × ${nz} voxels where the files say ${columns} × ${rows} × ${block.length}`;
    throw new ImageFileError(path, "", problem);
  }
  return image;
}

/** Puts some slices into the whole volume; one type for all: that of the first, or float32 if a later one differs. */
function placeBlock(
  whole: VoxelArray | undefined,
  block: VoxelArray,
  { components, pixels, first, slices }: { components: number; pixels: number; first: number; slices: number },
): VoxelArray {
  const length = components * slices * pixels;
  if (whole === undefined) whole = new (block.constructor as Int16ArrayConstructor)(length);
  else if (whole.constructor !== block.constructor) whole = Float32Array.from(whole);
  const perChannel = block.length / components;
  for (let c = 0; c < components; c++) {
    whole.set(block.subarray(c * perChannel, (c + 1) * perChannel), (c * slices + first) * pixels);
  }
  return whole;
}

/** Size and place from the tags; the data type is known only after reading and is given as stored. */
export async function readDicomInfo(path: string, options: DicomOptions = {}): Promise<ImageInfo> {
  const slices = await sortedSlices(path, options);
  const { rows, columns, samples, bitsAllocated } = slices[0]!;
  return {
    shape: [samples, slices.length, rows, columns],
    geometry: geometryOf(slices),
    dataType: bitsAllocated <= 8 ? "uint8" : "int16",
    format: "DICOM",
  };
}

/** The series in a folder, in the order of their identifiers. Errors as {@link readDicom}. */
export async function listDicomSeries(folder: string): Promise<DicomSeriesInfo[]> {
  return groupBySeries(await readSlices(folder)).map((slices) => ({
    seriesUid: slices[0]!.seriesUid,
    modality: slices[0]!.modality,
    files: slices.map((slice) => slice.path),
  }));
}

async function sortedSlices(path: string, { seriesUid }: DicomOptions): Promise<DicomSlice[]> {
  const all = groupBySeries(await readSlices(path));
  const chosen = seriesUid === undefined ? all : all.filter((slices) => slices[0]!.seriesUid === seriesUid);
  if (chosen.length !== 1) {
    const found = all
      .map((slices) => `${slices[0]!.seriesUid || "(no identifier)"} with ${slices.length} slices`)
      .join(", ");
    const problem =
      seriesUid === undefined
        ? `there are ${all.length} series in it (${found})`
        : `there is no series ${seriesUid} (${found})`;
    throw new FileError(path, `${problem}; put each into a folder of its own, or choose one`);
  }
  return ordered(path, chosen[0]!);
}

async function readSlices(path: string): Promise<DicomSlice[]> {
  const found = await stat(path).catch((error: unknown) => {
    throw describeFileError(path, "could not be read", error);
  });
  const files = found.isDirectory() ? (await visibleFiles(path)).map((name) => join(path, name)) : [path];
  const slices: DicomSlice[] = [];
  for (const file of files) {
    if (found.isDirectory() && (await isCompanion(file))) continue;
    slices.push(parseDicomSlice(await readWhole(file), file));
  }
  if (slices.length === 0) throw new FileError(path, "there is no DICOM file in it");
  return slices;
}

/** Files that lie beside slices without being one: folders, the index of a CD, notes. */
async function isCompanion(file: string): Promise<boolean> {
  if ((await stat(file)).isDirectory() || basename(file) === "DICOMDIR") return true;
  if (!/\.(txt|md|json|xml|csv|tsv|html?|pdf|jpe?g|png|log)$/i.test(file)) return false;
  return !isDicom((await readPrefix(file, 256)).bytes);
}

function groupBySeries(slices: readonly DicomSlice[]): DicomSlice[][] {
  const series = new Map<string, DicomSlice[]>();
  for (const slice of slices) {
    const group = series.get(slice.seriesUid);
    if (group) group.push(slice);
    else series.set(slice.seriesUid, [slice]);
  }
  return [...series].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => group);
}

/** By position along the normal of the slices, after checking that they form a grid. */
function ordered(path: string, slices: readonly DicomSlice[]): DicomSlice[] {
  const first = slices[0]!;
  for (const slice of slices) {
    for (const key of ["rows", "columns", "samples", "bitsAllocated"] as const) {
      if (slice[key] !== first[key]) throw differs(slice, first, key, slice[key], first[key]);
    }
    for (const key of ["orientation", "pixelSpacing"] as const) {
      const same = slice[key].every((v, i) => Math.abs(v - first[key][i]!) <= 1e-4);
      if (!same) throw differs(slice, first, key, slice[key].join(", "), first[key].join(", "));
    }
  }
  const normal = normalOf(first);
  const height = ({ position }: DicomSlice) => position.reduce((sum, p, i) => sum + p * normal[i]!, 0);
  const sorted = [...slices].sort((a, b) => height(a) - height(b) || (a.path < b.path ? -1 : 1));
  const steps = sorted.slice(1).map((slice, i) => height(slice) - height(sorted[i]!));
  const step = [...steps].sort((a, b) => a - b)[Math.floor(steps.length / 2)] ?? 1;
  for (const [i, distance] of steps.entries()) {
    const [before, after] = [sorted[i]!, sorted[i + 1]!];
    const names = `${basename(before.path)} and ${basename(after.path)}`;
    if (!(distance > 1e-4)) {
      throw new ImageFileError(
        path,
        "ImagePositionPatient",
        `${names} lie in the same place; remove one, or separate the two series`,
      );
    }
    if (Math.abs(distance - step) > gapTolerance * step) {
      const missing = Math.round(distance / step) - 1;
      const isGap = missing > 0 && Math.abs(distance - (missing + 1) * step) <= 2 * gapTolerance * step * (missing + 1);
      const far = `${names} are ${distance.toFixed(3)} mm apart, the others ${step.toFixed(3)} mm`;
      const problem = isGap
        ? `${missing} slice${missing > 1 ? "s are" : " is"} missing: ${far}; get the whole series`
        : `${far}; slices must be evenly spaced, resample the series`;
      throw new ImageFileError(path, "ImagePositionPatient", problem);
    }
    const along = after.position.map((p, k) => p - before.position[k]! - distance * normal[k]!);
    if (Math.hypot(...along) > gapTolerance * Math.max(step, 1)) {
      throw new UnsupportedError(
        `slices that are not stacked at a right angle (gantry tilt; ${path})`,
        "resample the series",
      );
    }
  }
  return sorted;
}

function differs(slice: DicomSlice, first: DicomSlice, key: string, got: unknown, expected: unknown): ImageFileError {
  const problem = `${got}, but ${expected} in ${basename(first.path)}; slices of one series must agree`;
  return new ImageFileError(slice.path, key, problem);
}

function normalOf({ orientation, path }: DicomSlice): number[] {
  const normal = cross(orientation.slice(0, 3), orientation.slice(3));
  if (!(Math.abs(Math.hypot(...normal) - 1) < 1e-3)) {
    throw new ImageFileError(
      path,
      "ImageOrientationPatient",
      `${orientation.join(", ")} are not two directions at a right angle`,
    );
  }
  return normal.map((v) => v + 0);
}

function geometryOf(sorted: readonly DicomSlice[]): Geometry {
  const [first, last] = [sorted[0]!, sorted.at(-1)!];
  const normal = normalOf(first);
  const depth = Math.hypot(...last.position.map((p, i) => p - first.position[i]!));
  const [x, y] = [first.orientation.slice(0, 3), first.orientation.slice(3)];
  return {
    spacing: [
      sorted.length > 1 ? depth / (sorted.length - 1) : (first.sliceSpacing ?? 1),
      first.pixelSpacing[0]!,
      first.pixelSpacing[1]!,
    ],
    origin: [first.position[0]!, first.position[1]!, first.position[2]!],
    direction: [0, 1, 2].flatMap((row) => [x[row]!, y[row]!, normal[row]!]),
  };
}

/** ITK must have put the slices in the same order and place. */
function checkPlace(
  path: string,
  { spacing, origin }: Geometry,
  itkSpacing: readonly number[],
  itkOrigin: readonly number[],
): void {
  const close = (a: number, b: number | undefined) =>
    b === undefined || Math.abs(a - b) <= 1e-3 * Math.max(1, Math.abs(a));
  if (
    origin.every((v, i) => close(v, itkOrigin[i])) &&
    [spacing[2], spacing[1]].every((v, i) => close(v, itkSpacing[i]))
  )
    return;
  throw new ImageFileError(
    path,
    "",
    `ITK places the series at [${itkOrigin.join(", ")}], its files say [${origin.join(", ")}]`,
  );
}
