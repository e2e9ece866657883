import { ImageFileError, UnsupportedError } from "@nnunet/core";
import type { ByteSource } from "../files/byte-source.ts";
import type { ReadImageOptions } from "../image-format.ts";
import type { StoredType } from "../voxels/stored-voxels.ts";
import { omeAxes } from "./ome-xml.ts";
import { ReadingBudget, readTiffDirectories, type TiffDirectory, tagBytes, tagNumbers } from "./tiff-directory.ts";
import { decodedBytes, mostBytes, readTiffPage, rowBytesOf, storedTypeOf, type TiffPage } from "./tiff-page.ts";
import { compressions, photometrics, tags } from "./tiff-tags.ts";
import { imageJAxes, type PageAxes, shapedAxes } from "./page-axes.ts";

/** The images of a TIFF file that make one volume. */
export interface TiffSeries {
  /** [channel, z, y, x] */
  readonly shape: readonly [number, number, number, number];
  /** Groups of channels (those of a colour pixel are one) and slices: image `channel + groups · z` is here. */
  readonly groups: number;
  readonly images: readonly TiffImage[];
  /** A palette is looked up: its colours are the channels. */
  readonly hasColours: boolean;
  /** What the description says of a spacing, in its own units; it is not used. */
  readonly describedSpacing: string | undefined;
  /** How a viewer should turn the first page, 1 for not at all; the values are given as they are stored. */
  readonly orientation: number;
  readonly budget: ReadingBudget;
}

export interface TiffImage {
  readonly page: TiffPage;
  /** Of the page, from 1. */
  readonly number: number;
  /** Bytes by which its strips lie behind the page's: images without directories of their own. */
  readonly shift: number;
}

/**
 * What a file's directories and its description (ImageJ, OME, tifffile) say together. Reduced copies (thumbnails,
 * pyramids) and masks are passed over.
 *
 * @throws {ImageFileError} if a tag is wrong or the strips do not fit into the file
 * @throws {UnsupportedError} for pages of different sizes, several series, time series of volumes
 */
export async function readTiffSeries(source: ByteSource, { palette }: ReadImageOptions): Promise<TiffSeries> {
  const budget = new ReadingBudget(source);
  const directories = await readTiffDirectories(source, budget);
  const description = await descriptionOf(source, budget, directories[0]!);
  const kept: { directory: TiffDirectory; number: number }[] = [];
  for (const [i, directory] of directories.entries()) {
    if (await isImage(source, budget, directory)) kept.push({ directory, number: i + 1 });
  }
  if (kept.length === 0)
    throw new ImageFileError(source.path, "NewSubfileType", "all pages are reduced copies or masks");

  const pages: TiffImage[] = [];
  let total = 0;
  for (const { directory, number } of kept) {
    const page = await readTiffPage(source, budget, directory, number);
    const first = pages[0]?.page ?? page;
    const differs = (["width", "height", "samples", "bits", "format", "photometric"] as const).find(
      (key) => page[key] !== first[key],
    );
    if (differs !== undefined) {
      const what = `TIFF whose pages differ in ${differs} (page ${number} has ${page[differs]}, the first ${first[differs]})`;
      throw new UnsupportedError(`${what} (${source.path})`, "save the pages as files of their own");
    }
    total += decodedBytes(page);
    // Strips may lie over each other (equal tiles are stored once), but not so that a small file becomes a large one.
    if (total > mostBytes(page, source.size) + decodedBytes(page)) {
      const problem = `its ${kept.length} pages cannot all be held by ${source.size} bytes`;
      throw new ImageFileError(source.path, "ImageWidth", problem);
    }
    pages.push({ page, number, shift: 0 });
  }

  const axes = axesOf(description, pages[0]!.page, directories.length, source.path);
  const images = imagesOf(axes, pages, source);
  const { page } = pages[0]!;
  const groups = axes?.channels ?? 1;
  const hasColours = page.photometric === photometrics.palette && palette !== "indices";
  const channels = (hasColours ? 3 : page.samples) * groups;
  const shape = [channels, images.length / groups, page.height, page.width] as const;
  const orientation = (await tagNumbers(source, budget, kept[0]!.directory, tags.Orientation))?.[0] ?? 1;
  return { shape, groups, images, hasColours, describedSpacing: axes?.spacing, orientation, budget };
}

/** The element type of the array that the pages become. */
export function typeOfSeries({ images, hasColours }: TiffSeries): StoredType {
  return hasColours ? "uint8" : storedTypeOf(images[0]!.page);
}

function axesOf(description: string, page: TiffPage, directories: number, path: string): PageAxes | undefined {
  if (description.startsWith("ImageJ=")) return imageJAxes(description, path);
  if (/<OME[ >]/.test(description.slice(0, 4096))) return omeAxes(description, directories, path);
  if (description.startsWith('{"shape":')) return shapedAxes(description, page, path);
  return undefined;
}

/** Image after image in the order channel group, slice. */
function imagesOf(axes: PageAxes | undefined, pages: TiffImage[], source: ByteSource): TiffImage[] {
  if (axes === undefined) return pages;
  const count = axes.channels * axes.slices;
  if (axes.order !== undefined) {
    const byNumber = new Map(pages.map((image) => [image.number, image]));
    const named = new Set(axes.order);
    const unnamed = pages.find(({ number }) => !named.has(number - 1));
    if (unnamed) {
      const problem = `${axes.saidBy} speaks of ${named.size} images and does not name page ${unnamed.number}`;
      throw new ImageFileError(source.path, "ImageDescription", problem);
    }
    return axes.order.map((index) => {
      const image = byNumber.get(index + 1);
      if (image) return image;
      const problem = `${axes.saidBy} names page ${index + 1}, which is missing or a reduced copy`;
      throw new ImageFileError(source.path, "ImageDescription", problem);
    });
  }
  const images = pages.length === 1 && count > 1 ? contiguousImages(pages[0]!, count, source) : pages;
  if (images.length !== count) {
    const problem = `${axes.saidBy} speaks of ${count} images, the file has ${images.length} pages`;
    throw new ImageFileError(source.path, "ImageDescription", problem);
  }
  if (!axes.channelsSlowest) return images;
  return images.map((_, i) => images[(i % axes.channels) * axes.slices + Math.floor(i / axes.channels)]!);
}

/**
 * ImageJ (beyond 4 GB) and tifffile (`truncate`) write a single directory, and the other images behind the first one.
 *
 * @throws {ImageFileError} if they would not be there
 */
function contiguousImages(first: TiffImage, count: number, source: ByteSource): TiffImage[] {
  const { page } = first;
  const samples = page.isPlanar ? 1 : page.samples;
  const rowBytes = rowBytesOf(page.width, samples, page.bits);
  const bytes = page.height * rowBytes * (page.isPlanar ? page.samples : 1);
  const rowsPerPlane = Math.ceil(page.height / page.segmentHeight);
  const lieTogether = page.offsets.every((offset, i) => {
    const plane = Math.floor(i / rowsPerPlane);
    const row = (i % rowsPerPlane) * page.segmentHeight;
    return offset === page.offsets[0]! + (plane * page.height + row) * rowBytes;
  });
  const end = page.offsets[0]! + count * bytes;
  if (page.compression !== compressions.none || page.isTiled || !lieTogether || !(end <= source.size)) {
    const problem = `its description speaks of ${count} images, but the file has one page and no room for the others`;
    throw new ImageFileError(source.path, "ImageDescription", problem);
  }
  return Array.from({ length: count }, (_, i) => ({ ...first, shift: i * bytes }));
}

/** Not a reduced copy (1) and not a mask of another page (4). */
async function isImage(source: ByteSource, budget: ReadingBudget, directory: TiffDirectory): Promise<boolean> {
  const kind = (await tagNumbers(source, budget, directory, tags.NewSubfileType))?.[0] ?? 0;
  const oldKind = (await tagNumbers(source, budget, directory, tags.SubfileType))?.[0] ?? 0;
  return (kind & 5) === 0 && oldKind !== 2;
}

/** Longer descriptions than this are of OME files with very many images, or nonsense. */
const longestDescription = 64 * 2 ** 20;

async function descriptionOf(source: ByteSource, budget: ReadingBudget, directory: TiffDirectory): Promise<string> {
  const entry = directory.entries.get(tags.ImageDescription);
  if (entry === undefined || entry.type !== 2 || entry.count > longestDescription) return "";
  const bytes = await tagBytes(source, budget, entry);
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end--;
  return bytes.toString("utf8", 0, end);
}
