import { ImageFileError, UnsupportedError } from "@nnunet/core";

/** Size of a BMP or JPEG picture, checked against the file. */
export interface PictureHeader {
  readonly width: number;
  readonly height: number;
  /** Colours per pixel: 1 or 3 (4 with alpha). */
  readonly channels: number;
}

/**
 * @throws {ImageFileError} if the file is shorter than its header says, or makes no sense
 * @throws {UnsupportedError} for compressed BMP
 */
export function parseBmpHeader(bytes: Buffer, path: string): PictureHeader {
  const fail = (field: string, problem: string): never => {
    throw new ImageFileError(path, field, problem);
  };
  if (bytes.length < 54 || bytes.toString("latin1", 0, 2) !== "BM")
    fail("", "this is no BMP file, whatever its name says");
  const pixelOffset = bytes.readUInt32LE(10);
  const infoSize = bytes.readUInt32LE(14);
  if (infoSize < 40) fail("biSize", `expected at least 40, got ${infoSize}`);
  const [width, signedHeight] = [bytes.readInt32LE(18), bytes.readInt32LE(22)];
  const height = Math.abs(signedHeight);
  const bits = bytes.readUInt16LE(28);
  if (!(width > 0 && height > 0)) fail("biWidth", `expected positive numbers of pixels, got ${width} × ${height}`);
  if (bytes.readUInt32LE(30) !== 0) throw new UnsupportedError(`compressed BMP (${path})`, "save it as PNG");
  if (bits !== 8 && bits !== 24 && bits !== 32)
    throw new UnsupportedError(`BMP of ${bits} bits a pixel (${path})`, "save it as PNG");
  const end = pixelOffset + height * 4 * Math.ceil((width * bits) / 32);
  if (pixelOffset < 14 + infoSize || end > bytes.length) {
    fail("biHeight", `${width} × ${height} pixels need ${end} bytes, the file has ${bytes.length}; it is cut off`);
  }
  if (bits !== 8) return { width, height, channels: bits / 8 };
  const colours = bytes.subarray(
    14 + infoSize,
    Math.min(pixelOffset, 14 + infoSize + 4 * (bytes.readUInt32LE(46) || 256)),
  );
  const isGrey = colours.every((value, i) => i % 4 === 3 || value === colours[i - (i % 4)]);
  return { width, height, channels: isGrey ? 1 : 3 };
}

/** @throws {ImageFileError} if a segment or the end-of-image marker is missing: the file is cut off or no JPEG */
export function parseJpegHeader(bytes: Buffer, path: string): PictureHeader {
  const fail = (field: string, problem: string): never => {
    throw new ImageFileError(path, field, problem);
  };
  if (bytes.length < 4 || bytes.readUInt16BE(0) !== 0xffd8) fail("", "this is no JPEG file, whatever its name says");
  let end = bytes.length;
  while (end > 2 && bytes[end - 1] === 0) end--; // some cameras pad with zeros
  if (bytes.readUInt16BE(end - 2) !== 0xffd9) fail("EOI", "the end-of-image marker is missing; the file is cut off");
  for (let at = 2; at + 4 <= bytes.length; ) {
    if (bytes[at] !== 0xff) return fail("", `expected a marker at byte ${at}; the file is damaged`);
    const marker = bytes[at + 1]!;
    if (marker === 0xff) {
      at++;
      continue;
    }
    const length = bytes.readUInt16BE(at + 2);
    const isFrame = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
    if (isFrame && at + 10 <= bytes.length) {
      const [height, width, channels] = [bytes.readUInt16BE(at + 5), bytes.readUInt16BE(at + 7), bytes[at + 9]!];
      if (!(width > 0 && height > 0 && (channels === 1 || channels === 3))) {
        return fail("SOF", `${width} × ${height} pixels of ${channels} colours are not an image that can be read`);
      }
      return { width, height, channels };
    }
    if (marker === 0xda || length < 2) break;
    at += 2 + length;
  }
  return fail("SOF", "the size of the picture is missing; the file is damaged");
}
