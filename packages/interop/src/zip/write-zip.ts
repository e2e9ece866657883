import { UnsupportedError } from "@nnunet/core";
import { crc32 } from "@node-rs/crc32";
import { firstDay, signatures, utf8Names } from "./zip-format.ts";

export interface ZipEntry {
  readonly name: string;
  readonly content: Uint8Array;
}

/** Contents begin at multiples of this, as torch's do, so that they can be mapped into memory. */
const alignment = 64;
const largest = 2 ** 32 - 1;

/**
 * A zip archive of stored files, piece by piece.
 *
 * @throws {UnsupportedError} if it would have 4 GiB or more
 */
export function* zipChunks(entries: Iterable<ZipEntry>): Generator<Uint8Array> {
  const directory: Buffer[] = [];
  let at = 0;
  for (const { name, content } of entries) {
    const nameBytes = Buffer.from(name);
    const unpadded = at + 30 + nameBytes.length;
    // an extra field of an unknown kind fills up to the alignment; it has four bytes at least
    const padding = 4 + ((alignment - ((unpadded + 4) % alignment)) % alignment);
    const header = Buffer.alloc(30);
    header.writeUInt32LE(signatures.local, 0);
    const common = commonFields(content, nameBytes.length, padding);
    common.copy(header, 4);
    const extra = Buffer.alloc(padding);
    extra.write("FB", 0, "latin1"); // torch's own kind of padding
    extra.writeUInt16LE(padding - 4, 2);
    const entry = Buffer.alloc(46);
    entry.writeUInt32LE(signatures.central, 0);
    entry.writeUInt16LE(20, 4);
    commonFields(content, nameBytes.length, 0).copy(entry, 6);
    entry.writeUInt32LE(at, 42);
    directory.push(entry, nameBytes);
    at = unpadded + padding + content.length;
    if (at > largest) throw new UnsupportedError("a zip archive of 4 GiB or more", "write fewer folds into one file");
    yield header;
    yield nameBytes;
    yield extra;
    yield content;
  }
  const listing = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(signatures.end, 0);
  end.writeUInt16LE(directory.length / 2, 8);
  end.writeUInt16LE(directory.length / 2, 10);
  end.writeUInt32LE(listing.length, 12);
  end.writeUInt32LE(at, 16);
  yield listing;
  yield end;
}

/** The 26 bytes that a file's own header and its entry in the directory share. */
function commonFields(content: Uint8Array, nameLength: number, extraLength: number): Buffer {
  const fields = Buffer.alloc(26);
  fields.writeUInt16LE(20, 0);
  fields.writeUInt16LE(utf8Names, 2);
  fields.writeUInt16LE(firstDay, 8);
  fields.writeUInt32LE(crc32(content) >>> 0, 10);
  fields.writeUInt32LE(content.length, 14);
  fields.writeUInt32LE(content.length, 18);
  fields.writeUInt16LE(nameLength, 22);
  fields.writeUInt16LE(extraLength, 24);
  return fields;
}
