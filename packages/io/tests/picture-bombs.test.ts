import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { deflateSync } from "node:zlib";
import { describe, expect, test } from "@jest/globals";
import { readImage, readImageInfo } from "@nnunet/io";
import { scratchFolder } from "./nifti-files.ts";

/*
 * Small TIFF, BMP and JPEG files that ask for much memory or time are refused from their headers.
 */

const folder = scratchFolder();

/** A directory of little-endian classic TIFF: [tag, type, count, value or offset] each. */
function directory(entries: readonly (readonly [number, number, number, number])[], next = 0): Buffer {
  const bytes = Buffer.alloc(2 + 12 * entries.length + 4);
  bytes.writeUInt16LE(entries.length, 0);
  for (const [i, [tag, type, count, value]] of entries.entries()) {
    bytes.writeUInt16LE(tag, 2 + 12 * i);
    bytes.writeUInt16LE(type, 4 + 12 * i);
    bytes.writeUInt32LE(count, 6 + 12 * i);
    bytes.writeUInt32LE(value, 10 + 12 * i);
  }
  bytes.writeUInt32LE(next, bytes.length - 4);
  return bytes;
}

const tiffStart = Buffer.from("49492a0008000000", "hex");

/** One strip of 8-bit greys. */
function greys(width: number, height: number, at: number, length: number, compression = 1) {
  return [
    [256, 4, 1, width],
    [257, 4, 1, height],
    [258, 3, 1, 8],
    [259, 3, 1, compression],
    [262, 3, 1, 1],
    [273, 4, 1, at],
    [277, 3, 1, 1],
    [278, 4, 1, height],
    [279, 4, 1, length],
  ] as [number, number, number, number][];
}

function tiles(side: number, compression: number, data: Buffer): Buffer {
  const entries = greys(1, 1, 0, 0, compression).filter(([tag]) => tag < 273 || tag === 277);
  entries.push([322, 4, 1, side], [323, 4, 1, side], [324, 4, 1, 134], [325, 4, 1, data.length]);
  return Buffer.concat([tiffStart, directory(entries), data]);
}

function chain(count: number, entries: [number, number, number, number][], tail: Buffer): Buffer {
  const size = 2 + 12 * entries.length + 4;
  const directories = Array.from({ length: count }, (_, i) =>
    directory(entries, i + 1 < count ? 8 + (i + 1) * size : 0),
  );
  return Buffer.concat([tiffStart, ...directories, tail]);
}

function withDescription(text: string): Buffer {
  const bytes = Buffer.from(`${text}\0`);
  const entries = greys(1, 1, 8, 1);
  entries.splice(5, 0, [270, 2, bytes.length, 8 + 2 + 12 * 10 + 4]);
  return Buffer.concat([tiffStart, directory(entries), bytes]);
}

const rows = 100_000;
const shared = 8 + 2000 * (2 + 12 * 9 + 4);
const packed = deflateSync(Buffer.alloc(16_000_000));
const manyAt = 8 + 1000 * (2 + 12 * 9 + 4);
const bmp = (width: number, height: number, bits: number, compression: number, rest: Buffer) => {
  const header = Buffer.alloc(54);
  header.write("BM");
  header.writeUInt32LE(54, 10);
  header.writeUInt32LE(40, 14);
  header.writeInt32LE(width, 18);
  header.writeInt32LE(height, 22);
  header.writeUInt16LE(bits, 28);
  header.writeUInt32LE(compression, 30);
  return Buffer.concat([header, rest]);
};
const jpeg = (height: number, width: number, rest: Buffer) => {
  const frame = Buffer.from("ffd8ffc0000b080000000001011100", "hex");
  frame.writeUInt16BE(height, 7);
  frame.writeUInt16BE(width, 9);
  return Buffer.concat([frame, rest]);
};
const scan = Buffer.from("ffda0008010100003f00", "hex");

describe("refused from the header", () => {
  test.each<[string, string, Buffer, RegExp]>([
    [
      "2³¹ pixels in a row",
      "a.tif",
      Buffer.concat([tiffStart, directory(greys(2 ** 31, 1, 8, 50))]),
      /strip 1 needs 2147483648 bytes, its 50/,
    ],
    [
      "2³¹ pixels, deflated",
      "b.tif",
      Buffer.concat([tiffStart, directory(greys(2 ** 31, 1, 8, 90, 8))]),
      /strip 1 needs 2147483648 bytes, its 90/,
    ],
    ["a gigantic tile", "c.tif", tiles(2 ** 31, 1, Buffer.alloc(1000)), /tile 1 needs 4611686018427388000 bytes/],
    [
      "a gigantic tile that is there",
      "d.tif",
      tiles(8192, 8, deflateSync(Buffer.alloc(2 ** 26))),
      /tile of 67108864 bytes/,
    ],
    [
      "2,000 pages that share lists of 100,000 strips",
      "e.tif",
      chain(
        2000,
        greys(1, rows, shared, 1).map(([tag, type, count, value]) => {
          if (tag === 273 || tag === 279) return [tag, 4, rows, shared];
          return [tag, type, count, tag === 278 ? 1 : value];
        }),
        Buffer.alloc(4 * rows, 1),
      ),
      /directories promise more than the file holds|ends at byte/,
    ],
    [
      "1,000 pages that share a strip of 16 MB",
      "f.tif",
      chain(1000, greys(4000, 4000, manyAt, packed.length, 8), packed),
      /its 1000 pages cannot all be held/,
    ],
    [
      "a million TiffData",
      "g.tif",
      withDescription(`<OME><Image><Pixels SizeX="1" SizeY="1">${"<TiffData/>".repeat(1e6)}</Pixels></Image></OME>`),
      /more TiffData than images/,
    ],
    ["spaces", "h.tif", withDescription(`<OME${" ".repeat(5e6)}${"<a:".repeat(1e6)}`), /has no Pixels/],
    ["4 billion rows of BMP", "i.bmp", bmp(2 ** 31 - 1, 2 ** 31 - 1, 24, 0, Buffer.alloc(100)), /it is cut off/],
    [
      "run lengths that jump",
      "j.bmp",
      bmp(60000, 20000, 8, 1, Buffer.from("0002ffff".repeat(100), "hex")),
      /run-length coded BMP of 60000 × 20000/,
    ],
    ["a JPEG of 4 billion pixels", "k.jpg", jpeg(65535, 65535, scan), /it promises 65535 × 65535 pixels/],
    [
      "the same, filled up",
      "l.jpg",
      jpeg(65535, 65535, Buffer.concat([scan, Buffer.alloc(9_000_000)])),
      /JPEG of 65535 × 65535 pixels, more than/,
    ],
    [
      "a million segments",
      "m.jpg",
      Buffer.concat([Buffer.of(0xff, 0xd8), Buffer.alloc(4e6, "fffe0002", "hex")]),
      /more than 10000 segments/,
    ],
  ])("%s", async (_, name, bytes, expected) => {
    const path = join(folder, name);
    writeFileSync(path, bytes);
    const before = process.memoryUsage().rss;
    const started = performance.now();
    for (const read of [readImageInfo, readImage]) {
      const message = await read(path).then(
        () => "read",
        (error: Error) => error.message,
      );
      expect(message).toContain(path);
      expect(message).toMatch(expected);
    }
    // By hand: within a second. Ten times the slack for a busy machine.
    expect(performance.now() - started).toBeLessThan(20_000);
    expect(process.memoryUsage().rss - before).toBeLessThan(400e6);
  });
});
