import { ImageFileError } from "@nnunet/core";

/*
 * The outer shape of a PNG file (ISO/IEC 15948): a signature, then chunks of length, type, content and CRC.
 */

export const pngSignature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

export interface PngChunk {
  readonly type: string;
  readonly content: Buffer;
}

/**
 * All chunks, each with its CRC checked.
 *
 * @throws {ImageFileError} if the signature is wrong, a chunk is cut off or damaged, or IEND is not the last
 */
export function pngChunks(bytes: Buffer, path: string): PngChunk[] {
  if (!bytes.subarray(0, 8).equals(pngSignature)) {
    throw new ImageFileError(path, "signature", "this is no PNG file, whatever its name says");
  }
  const chunks: PngChunk[] = [];
  let at = 8;
  while (at < bytes.length) {
    if (chunks.at(-1)?.type === "IEND")
      throw new ImageFileError(path, "IEND", `${bytes.length - at} bytes follow the end`);
    const length = at + 12 <= bytes.length ? bytes.readUInt32BE(at) : Number.POSITIVE_INFINITY;
    if (at + 12 + length > bytes.length) break;
    const type = bytes.toString("latin1", at + 4, at + 8);
    if (crc32(bytes.subarray(at + 4, at + 8 + length)) !== bytes.readUInt32BE(at + 8 + length)) {
      const name = /^[A-Za-z]{4}$/.test(type) ? type : "chunk";
      throw new ImageFileError(path, name, "the checksum is wrong; the file is damaged, get it again");
    }
    chunks.push({ type, content: bytes.subarray(at + 8, at + 8 + length) });
    at += 12 + length;
  }
  if (chunks.at(-1)?.type !== "IEND") throw new ImageFileError(path, "IEND", "the file is cut off; get it again");
  return chunks;
}

/** One chunk as bytes. */
export function encodePngChunk(type: string, content: Uint8Array): Buffer {
  const chunk = Buffer.alloc(12 + content.length);
  chunk.writeUInt32BE(content.length, 0);
  chunk.write(type, 4, "latin1");
  chunk.set(content, 8);
  chunk.writeUInt32BE(crc32(chunk.subarray(4, 8 + content.length)), 8 + content.length);
  return chunk;
}

const crcTable = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let bit = 0; bit < 8; bit++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
  return n >>> 0;
});

// zlib.crc32 exists from Node 20.15 on; we promise 20.
function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) crc = crcTable[(crc ^ bytes[i]!) & 0xff]! ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}
