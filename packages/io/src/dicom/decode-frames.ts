import { ImageFileError, UnsupportedError, type VoxelArray } from "@nnunet/core";
import type { ByteSource } from "./byte-source.ts";
import type { DecodedPicture, FrameDecoder, StreamCodec } from "./frame-decoder.ts";
import { planesOf422, rgbFromYbr } from "./colour.ts";
import type { DicomImage } from "./dicom-image.ts";
import { concatenated, swapPairs } from "./numbers-in-bytes.ts";
import { arrayOfType, decodedTypeOf, nativePixels, storedBitsOnly, unpackBits } from "./native-pixels.ts";
import { withDicom } from "./open-dicom.ts";
import { nativeBytes, type PixelFormat, storedRange } from "./pixel-format.ts";
import { decodeRle } from "./rle.ts";
import { checkStream, names } from "./stream-header.ts";
import { decodeJpeg } from "../jpeg/decode-jpeg.ts";
import { JpegDamage } from "../jpeg/huffman.ts";
import { JpegFeature } from "../jpeg/jpeg-stream.ts";
import { planar } from "../voxels/stored-voxels.ts";

/** One frame's stored numbers: [sample, row, column], colours as RGB, palettes as indices. */
export type FramePixels = VoxelArray;

/**
 * Decodes frames of one file, one at a time.
 *
 * @param indices - of the frames, in the order in which they are wanted
 * @param use - called for each; the array is its own to keep
 * @throws {ImageFileError} if the pixels are damaged, or are not those that the header promises
 */
export async function decodeFrames(
  image: DicomImage,
  indices: readonly number[],
  decoder: FrameDecoder,
  use: (pixels: FramePixels, index: number) => void,
): Promise<void> {
  await withPixels(image, async (source) => {
    for (const index of indices) use(await decodeFrame(image, index, source, decoder), index);
  });
}

/** The bytes in which the pixels lie: the file, or the inflated part of a deflated one. */
async function withPixels({ file, syntax }: DicomImage, use: (source: ByteSource) => Promise<void>): Promise<void> {
  return syntax.deflated ? withDicom(file, ({ source }) => use(source)) : file.open(use);
}

async function decodeFrame(
  image: DicomImage,
  index: number,
  source: ByteSource,
  decoder: FrameDecoder,
): Promise<FramePixels> {
  const { location, format, syntax, path } = image;
  if (location.kind === "native") return nativeFrame(image, index, source);
  const stream = concatenated(location.frames[index]!.map(({ at, length }) => source.copy(at, length)));
  if (syntax.codec === "native") {
    const bytes = Uint8Array.from(stream.subarray(0, nativeBytes(format, 1))).buffer;
    return colours(bitsOrNumbers(bytes, format, true, path), format, format.planar);
  }
  if (syntax.codec === "rle") {
    const unpacked = decodeRle(stream, format, path);
    return colours(nativePixels(unpacked.buffer as ArrayBuffer, format, true, path), format, true);
  }
  return streamFrame(image, index, stream, syntax.codec, decoder);
}

function nativeFrame({ location, format, path }: DicomImage, index: number, source: ByteSource): FramePixels {
  if (location.kind !== "native") throw new TypeError("a frame in fragments");
  const { at, littleEndian, swappedBytes } = location;
  const pixels = format.rows * format.columns * format.samples;
  if (format.bitsAllocated === 1) {
    const firstBit = index * pixels;
    const first = swappedBytes ? (firstBit >> 4) * 2 : firstBit >> 3;
    const end = Math.ceil((firstBit + pixels) / 8);
    const bytes = source.copy(
      at + first,
      Math.min((swappedBytes ? Math.ceil(end / 2) * 2 : end) - first, source.length - at - first),
    );
    if (swappedBytes && bytes.length % 2 === 0) swapPairs(bytes);
    return unpackBits(bytes, firstBit - 8 * first, pixels);
  }
  const length = nativeBytes(format, 1);
  const start = index * length;
  // Words of two bytes may begin before a frame of an odd number of bytes, and end behind it.
  const from = swappedBytes ? start & ~1 : start;
  const end = swappedBytes ? (start + length + 1) & ~1 : start + length;
  const buffer = new ArrayBuffer(end - from);
  source.into(new Uint8Array(buffer), at + from);
  if (swappedBytes) swapPairs(new Uint8Array(buffer));
  const own = swappedBytes ? buffer.slice(start - from, start - from + length) : buffer;
  if (format.photometric === "YBR_FULL_422") {
    const planes = planesOf422(new Uint8Array(own), format.rows * format.columns);
    rgbFromYbr(planes, 128);
    return planes;
  }
  return colours(nativePixels(own, format, littleEndian, path), format, format.planar);
}

function bitsOrNumbers(bytes: ArrayBuffer, format: PixelFormat, littleEndian: boolean, path: string): VoxelArray {
  if (format.bitsAllocated !== 1) return nativePixels(bytes, format, littleEndian, path);
  return unpackBits(new Uint8Array(bytes), 0, format.rows * format.columns);
}

/** Planes of colours, as RGB. */
function colours(
  pixels: VoxelArray,
  { samples, photometric, bitsStored }: PixelFormat,
  arePlanes: boolean,
): VoxelArray {
  if (samples === 1) return pixels;
  const planes = arePlanes ? pixels : planar(pixels, samples);
  if (photometric === "YBR_FULL") rgbFromYbr(planes as Uint8Array, 2 ** (bitsStored - 1));
  return planes;
}

/** A megabyte a second, and half a minute. */
const decodingTime = (format: PixelFormat) => 30_000 + nativeBytes(format, 1) / 1000;

async function streamFrame(
  image: DicomImage,
  index: number,
  stream: Uint8Array<ArrayBuffer>,
  codec: StreamCodec,
  decoder: FrameDecoder,
): Promise<FramePixels> {
  const { format, path, frameCount } = image;
  const header = checkStream(stream, codec, format, path);
  const isColour = format.samples === 3;
  const picture =
    codec === "jpeg"
      ? jpegPicture(stream, format, path)
      : await decoder.decode(codec, Uint8Array.from(stream), decodingTime(format));
  const which = frameCount > 1 ? `frame ${index + 1}` : "the picture";
  if (typeof picture === "string") {
    const because = /[a-z]{3}/i.test(picture) ? ` (${picture.trim().split("\n")[0]!.slice(0, 120)})` : "";
    const problem = `${which} could not be decoded as ${names[codec]}${because}; the file is damaged`;
    throw new ImageFileError(path, "PixelData", problem);
  }
  checkPicture(picture, image, codec);
  const numbers = numbersOf(picture, format, header.bits, path);
  const planes = format.samples === 1 || picture.planar ? numbers : planar(numbers, format.samples);
  // JPEG's decoder has made RGB of it, JPEG 2000's that of YBR_ICT and YBR_RCT; the others leave it to us.
  if (codec !== "jpeg" && isColour && format.photometric.startsWith("YBR_FULL")) {
    rgbFromYbr(planes as Uint8Array, 2 ** (format.bitsStored - 1));
  }
  return planes;
}

/** JPEG is decoded by ourselves: equal to libjpeg-turbo, and strict where that only warns. */
function jpegPicture(
  stream: Uint8Array<ArrayBuffer>,
  { photometric }: PixelFormat,
  path: string,
): DecodedPicture | string {
  try {
    const coloursIfSilent = photometric === "RGB" ? "as they are" : "YCbCr";
    const { width, height, channels, precision, samples } = decodeJpeg(stream, { planar: true, coloursIfSilent });
    const bytes = new Uint8Array(samples.buffer as ArrayBuffer);
    return { columns: width, rows: height, components: channels, bits: precision, bytes, planar: true };
  } catch (error) {
    if (error instanceof JpegFeature) {
      throw new UnsupportedError(`${error.message} in DICOM (${path})`, "export it uncompressed");
    }
    if (!(error instanceof JpegDamage)) throw error;
    return error.message;
  }
}

/** The second opinion on a decoder: size, components and amount of bytes. */
function checkPicture(picture: DecodedPicture, { format, path }: DicomImage, codec: StreamCodec): void {
  const { columns, rows, components, bits, bytes } = picture;
  const width = bits <= 8 ? 1 : 2;
  const expected = format.rows * format.columns * format.samples * width;
  if (
    columns === format.columns &&
    rows === format.rows &&
    components === format.samples &&
    bits <= 16 &&
    bytes.length === expected
  )
    return;
  const got = `${columns} × ${rows} pixels of ${components} × ${bits} bits in ${bytes.length} bytes`;
  throw new ImageFileError(path, "PixelData", `decoded as ${names[codec]} it has ${got}; the file is damaged`);
}

/** The decoded numbers as the header means them: as wide as allocated, signs extended from the stream's bits. */
function numbersOf({ bytes, bits }: DecodedPicture, format: PixelFormat, streamBits: number, path: string): VoxelArray {
  const words = bits <= 8 ? bytes : new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2);
  const numbers = arrayOfType(decodedTypeOf(format), words.length, path, "a frame");
  const [low, high] = storedRange(format);
  // A stream of fewer bits than the pixels have holds numbers with their sign at its own top.
  const width = Math.min(streamBits, format.bitsAllocated);
  const left = 32 - width;
  for (let i = 0; i < words.length; i++) {
    numbers[i] = format.signed ? (words[i]! << left) >> left : words[i]! & (2 ** width - 1);
  }
  if (width <= format.bitsStored) return numbers;
  // Overlays may lie above the stored bits; anything else there is a fault of the header or of the decoder.
  const beyond = numbers.findIndex((value) => value < low || value > high);
  if (beyond < 0) return numbers;
  if (format.bitsAllocated > format.bitsStored && width === format.bitsAllocated)
    return storedBitsOnly(numbers, format, path);
  const problem = `the value ${numbers[beyond]} does not fit the ${format.bitsStored} bits that BitsStored says`;
  throw new ImageFileError(path, "PixelData", problem);
}
