import { createVolume, ImageFileError, UnsupportedError, type Volume } from "@nnunet/core";
import { readWhole } from "../files/bounded-file.ts";
import { planeGeometry } from "../geometry/plane-geometry.ts";
import type { ImageInfo } from "../image-info.ts";
import { decodeJpeg, readJpegFrame } from "./decode-jpeg.ts";
import { JpegDamage } from "./huffman.ts";
import { JpegFeature } from "./jpeg-stream.ts";

/**
 * Reads a JPEG picture: [channel, 1, y, x] of uint8 (uint16 for 12 bits): grey, RGB, or CMYK, whose four channels are
 * turned round as Adobe stores them and Pillow gives them.
 *
 * @throws {ImageFileError} if the file is damaged, cut off or not a JPEG
 * @throws {UnsupportedError} for arithmetic coding, lossless and hierarchical JPEG
 */
export async function readJpeg(path: string): Promise<Volume> {
  const bytes = await readWhole(path);
  const { width, height, channels, precision, samples } = named(path, () => decodeJpeg(bytes, { planar: true }));
  checkChannels(path, channels);
  const largest = (1 << precision) - 1;
  if (channels === 4) for (let i = 0; i < samples.length; i++) samples[i] = largest - samples[i]!;
  return createVolume(samples, [channels, 1, height, width], planeGeometry);
}

export async function readJpegInfo(path: string): Promise<ImageInfo> {
  const bytes = await readWhole(path);
  const { width, height, components, precision } = named(path, () => readJpegFrame(bytes));
  checkChannels(path, components.length);
  return {
    shape: [components.length, 1, height, width],
    geometry: planeGeometry,
    dataType: precision === 8 ? "uint8" : "uint16",
    format: "JPEG",
  };
}

function checkChannels(path: string, channels: number): void {
  if (channels === 2) throw new UnsupportedError(`JPEG of 2 components (${path})`, "save it as PNG");
}

/** What a decoder finds wrong, with the file's name. */
function named<T>(path: string, decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    if (error instanceof JpegFeature) throw new UnsupportedError(`${error.message} (${path})`, "save it as PNG");
    if (!(error instanceof JpegDamage)) throw error;
    throw new ImageFileError(path, "", error.message, { cause: error });
  }
}
