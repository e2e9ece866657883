import { createVolume, elementCount, type Geometry, ImageFileError, type Volume, type VoxelArray } from "@nnunet/core";
import { type ByteSource, withByteSource } from "../files/byte-source.ts";
import { planeGeometry } from "../geometry/plane-geometry.ts";
import type { ReadImageOptions } from "../image-format.ts";
import type { ImageInfo } from "../image-info.ts";
import { arrayTypeOf, bytesOf, emptyVoxels } from "../voxels/stored-voxels.ts";
import { tagBytes } from "./tiff-directory.ts";
import type { TiffPage } from "./tiff-page.ts";
import { readTiffSegments, type TiffSegment } from "./tiff-segments.ts";
import { readTiffSeries, type TiffSeries, typeOfSeries } from "./tiff-series.ts";
import { readTiffSpacing } from "./tiff-spacing.ts";

/*
 * TIFF by ourselves, up to the codecs: what every tag says decides how bytes become numbers.
 */

/**
 * Reads a TIFF or BigTIFF file: pages are slices. The values are those that are stored, as tifffile gives them: WhiteIsZero
 * is not turned round, alpha is a channel of its own and not multiplied, CMYK is four channels. A palette becomes its
 * colours (the upper 8 bits of each) unless its indices are asked for; JPEG's YCbCr becomes RGB.
 *
 * @throws {ImageFileError} if the file is damaged, cut off or not a TIFF; names the tag
 * @throws {UnsupportedError} for what cannot be read, by its name
 */
export async function readTiff(path: string, options: ReadImageOptions = {}): Promise<Volume> {
  return withByteSource(path, async (source) => {
    const series = await readTiffSeries(source, options);
    const { shape, groups, images, budget } = series;
    const [, slices, height, width] = shape;
    const data = emptySeries(series, source);
    const channelsOfImage = shape[0] / groups;
    const plane = height * width;
    let jpegTables: Buffer | undefined;
    let palette: Uint16Array | undefined;
    for (const [i, { page, number, shift }] of images.entries()) {
      if (page !== images[i - 1]?.page) {
        jpegTables = page.jpegTables && (await tagBytes(source, budget, page.jpegTables));
        palette = series.hasColours ? await paletteOf(page, source, series) : undefined;
      }
      const firstChannel = (i % groups) * channelsOfImage;
      const slice = Math.floor(i / groups);
      const planes = Array.from({ length: channelsOfImage }, (_, c) => {
        const from = ((firstChannel + c) * slices + slice) * plane;
        return data.subarray(from, from + plane);
      });
      const where = images.length > 1 ? `page ${number}, ` : "";
      for await (const segment of readTiffSegments(source, page, jpegTables, where, shift)) {
        if (palette) placeColours(segment, palette, planes, page, source.path);
        else placeSegment(segment, planes, page);
      }
    }
    return createVolume(data, shape, await stackGeometry(path, series, options));
  });
}

export async function readTiffInfo(path: string, options: ReadImageOptions = {}): Promise<ImageInfo> {
  const series = await withByteSource(path, (source) => readTiffSeries(source, options));
  const geometry = await stackGeometry(path, series, options);
  return { shape: series.shape, geometry, dataType: arrayTypeOf(typeOfSeries(series)), format: "TIFF" };
}

/** The spacing of several slices stands beside them; without a word there it is 1. */
async function stackGeometry(
  path: string,
  { shape, describedSpacing, orientation }: TiffSeries,
  { onWarning }: ReadImageOptions,
): Promise<Geometry> {
  if (orientation !== 1) {
    const problem = `viewers turn or mirror this image (${orientation}); it is read as it is stored, as by tifffile`;
    onWarning?.({ path, field: "Orientation", problem });
  }
  if (shape[1] === 1) return planeGeometry;
  const spacing = await readTiffSpacing(path);
  if (spacing === undefined && describedSpacing !== undefined) {
    const problem = `it gives a spacing of ${describedSpacing}, which is not used, as nnU-Net does not`;
    onWarning?.({ path, field: "ImageDescription", problem: `${problem}; write it in mm into a JSON file beside it` });
  }
  return { ...planeGeometry, spacing: spacing ?? [1, 1, 1] };
}

function emptySeries(series: TiffSeries, { path }: ByteSource): VoxelArray {
  const type = arrayTypeOf(typeOfSeries(series));
  const length = elementCount(series.shape);
  try {
    return emptyVoxels(type, length);
  } catch (error) {
    const gib = ((length * bytesOf[type]) / 2 ** 30).toFixed(1);
    throw new ImageFileError(path, "", `there is no memory for its ${gib} GiB of pixels`, { cause: error });
  }
}

/** Copies what lies within the image into one plane per channel. */
function placeSegment(
  segment: TiffSegment,
  planes: readonly VoxelArray[],
  { width, height, isPlanar }: TiffPage,
): void {
  const { values, x, y, columns } = segment;
  const wide = Math.min(columns, width - x);
  const high = Math.min(segment.rows, height - y);
  const samples = isPlanar ? 1 : planes.length;
  for (let row = 0; row < high; row++) {
    const from = row * columns * samples;
    const to = (y + row) * width + x;
    if (samples === 1) {
      planes[segment.plane]!.set(values.subarray(from, from + wide), to);
      continue;
    }
    for (let s = 0; s < samples; s++) {
      const plane = planes[s]!;
      for (let i = 0, at = from + s; i < wide; i++, at += samples) plane[to + i] = values[at]!;
    }
  }
}

function placeColours(
  { values, x, y, columns, rows }: TiffSegment,
  palette: Uint16Array,
  planes: readonly VoxelArray[],
  { width, height }: TiffPage,
  path: string,
): void {
  const colours = palette.length / 3;
  for (let row = 0; row < Math.min(rows, height - y); row++) {
    for (let column = 0; column < Math.min(columns, width - x); column++) {
      const index = values[row * columns + column]!;
      if (!(index < colours)) throw new ImageFileError(path, "ColorMap", `there is no colour ${index}`);
      const to = (y + row) * width + x + column;
      for (let c = 0; c < 3; c++) planes[c]![to] = palette[c * colours + index]! >> 8;
    }
  }
}

/** All reds, all greens, all blues, of 16 bits each. */
async function paletteOf(page: TiffPage, source: ByteSource, { budget }: TiffSeries): Promise<Uint16Array> {
  const { colorMap } = page;
  const colours = 2 ** page.bits;
  if (colorMap?.type !== 3 || colorMap.count !== 3 * colours) {
    const problem = `expected ${colours} colours, got ${colorMap ? colorMap.count / 3 : "none"}; the file is damaged`;
    throw new ImageFileError(source.path, "ColorMap", problem);
  }
  const bytes = await tagBytes(source, budget, colorMap);
  return Uint16Array.from({ length: 3 * colours }, (_, i) =>
    page.littleEndian ? bytes.readUInt16LE(2 * i) : bytes.readUInt16BE(2 * i),
  );
}
