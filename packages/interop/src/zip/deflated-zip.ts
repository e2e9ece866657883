import { createDeflateRaw } from "node:zlib";
import { crc32 } from "@node-rs/crc32";
import { throughZlib } from "./through-zlib.ts";
import { firstDay, signatures, utf8Names } from "./zip-format.ts";

const version = 45; // sizes of 64 bits
const method = 8;
/** Bit 3: the sizes follow the content, because they are not known before. */
const flags = utf8Names | 0x0008;
const wide = 0xffffffff;

/**
 * A zip archive of one compressed file, piece by piece, of whatever size: memory is that of a piece.
 *
 * @param level - of zlib, 1 to 9
 */
export async function* deflatedZipChunks(
  name: string,
  content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  level = 1,
): AsyncGenerator<Uint8Array> {
  const nameBytes = Buffer.from(name);
  const local = Buffer.alloc(30 + nameBytes.length + 20);
  local.writeUInt32LE(signatures.local, 0);
  commonFields(0).copy(local, 4);
  local.writeUInt32LE(wide, 18);
  local.writeUInt32LE(wide, 22);
  local.writeUInt16LE(nameBytes.length, 26);
  local.writeUInt16LE(20, 28);
  nameBytes.copy(local, 30);
  wideSizes(0, 0).copy(local, 30 + nameBytes.length);
  yield local;

  let [size, compressed, checksum] = [0, 0, 0];
  const counted = async function* () {
    for await (const piece of content) {
      size += piece.length;
      checksum = crc32(piece, checksum);
      yield piece;
    }
  };
  for await (const chunk of throughZlib(createDeflateRaw({ level }), counted())) {
    compressed += chunk.length;
    yield chunk;
  }

  const descriptor = Buffer.alloc(24);
  descriptor.writeUInt32LE(signatures.descriptor, 0);
  descriptor.writeUInt32LE(checksum >>> 0, 4);
  descriptor.writeBigUInt64LE(BigInt(compressed), 8);
  descriptor.writeBigUInt64LE(BigInt(size), 16);
  yield descriptor;

  const entry = Buffer.alloc(46 + nameBytes.length + 20);
  entry.writeUInt32LE(signatures.central, 0);
  entry.writeUInt16LE(version, 4);
  commonFields(checksum >>> 0).copy(entry, 6);
  entry.writeUInt32LE(wide, 20);
  entry.writeUInt32LE(wide, 24);
  entry.writeUInt16LE(nameBytes.length, 28);
  entry.writeUInt16LE(20, 30);
  nameBytes.copy(entry, 46);
  wideSizes(size, compressed).copy(entry, 46 + nameBytes.length);
  yield entry;
  yield directoryEnd(entry.length, local.length + compressed + descriptor.length);
}

/** From the version to the checksum: what a file's own header and its entry in the directory share. */
function commonFields(checksum: number): Buffer {
  const fields = Buffer.alloc(14);
  fields.writeUInt16LE(version, 0);
  fields.writeUInt16LE(flags, 2);
  fields.writeUInt16LE(method, 4);
  fields.writeUInt16LE(firstDay, 8);
  fields.writeUInt32LE(checksum, 10);
  return fields;
}

/** The extra field of sizes of 64 bits. */
function wideSizes(size: number, compressed: number): Buffer {
  const extra = Buffer.alloc(20);
  extra.writeUInt16LE(1, 0);
  extra.writeUInt16LE(16, 2);
  extra.writeBigUInt64LE(BigInt(size), 4);
  extra.writeBigUInt64LE(BigInt(compressed), 12);
  return extra;
}

/** The directory's end, with its place in 64 bits. */
function directoryEnd(length: number, start: number): Buffer {
  const end = Buffer.alloc(56 + 20 + 22);
  end.writeUInt32LE(signatures.end64, 0);
  end.writeBigUInt64LE(44n, 4);
  end.writeUInt16LE(version, 12);
  end.writeUInt16LE(version, 14);
  end.writeBigUInt64LE(1n, 24);
  end.writeBigUInt64LE(1n, 32);
  end.writeBigUInt64LE(BigInt(length), 40);
  end.writeBigUInt64LE(BigInt(start), 48);
  end.writeUInt32LE(signatures.locator64, 56);
  end.writeBigUInt64LE(BigInt(start + length), 64);
  end.writeUInt32LE(1, 72);
  end.writeUInt32LE(signatures.end, 76);
  end.writeUInt16LE(1, 84);
  end.writeUInt16LE(1, 86);
  end.writeUInt32LE(wide, 88);
  end.writeUInt32LE(wide, 92);
  return end;
}
