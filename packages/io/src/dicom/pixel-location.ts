import type { ImageFileError } from "@nnunet/core";
import type { ImageWarning } from "../image-format.ts";
import type { ByteSource } from "./byte-source.ts";
import type { DataSet } from "./data-set.ts";
import { fragmentsAt, type PixelElement, undefinedLength } from "./parse-data-set.ts";
import { uint32, viewOf } from "./numbers-in-bytes.ts";
import { describePixels, nativeBytes, type PixelFormat } from "./pixel-format.ts";
import type { TransferSyntax } from "./transfer-syntax.ts";

interface Span {
  readonly at: number;
  readonly length: number;
}

/** Where the frames' bytes lie in the file. */
export type PixelLocation =
  | {
      readonly kind: "native";
      readonly at: number;
      readonly littleEndian: boolean;
      /** Bytes were written as words of 16 bits in big-endian order: every two are swapped. */
      readonly swappedBytes: boolean;
    }
  | { readonly kind: "fragments"; readonly frames: readonly (readonly Span[])[] };

interface Context {
  readonly format: PixelFormat;
  readonly syntax: TransferSyntax;
  readonly frameCount: number;
}

/**
 * Finds the frames, and holds the size of the pixels against what the header says.
 *
 * @throws {ImageFileError} if there are too few or too many bytes, or the frames cannot be told from each other
 */
export function locatePixels(
  source: ByteSource,
  dataSet: DataSet,
  pixels: PixelElement,
  context: Context,
): { location: PixelLocation; warnings: ImageWarning[] } {
  const { syntax, format, frameCount } = context;
  if (pixels.length === undefinedLength) return locateFragments(source, dataSet, pixels, context);
  if (syntax.codec !== "native") throw dataSet.fail(pixels.name, "compressed pixels must be in fragments");
  const needed = nativeBytes(format, frameCount);
  const present = Math.min(pixels.length, source.length - pixels.at);
  const promise = `${frameCount > 1 ? `${frameCount} frames of ` : ""}${describePixels(format)}`;
  if (present < needed) {
    const why = pixels.length < needed ? "the header is wrong or the file is damaged" : "the file is cut off";
    throw dataSet.fail(pixels.name, `expected ${needed} bytes (${promise}), got ${present}; ${why}`);
  }
  const surplus = pixels.length - needed;
  if (surplus > 1 && surplus >= nativeBytes(format, 1)) {
    const problem = `expected ${needed} bytes (${promise}), got ${pixels.length}; the header is wrong or something was appended`;
    throw dataSet.fail(pixels.name, problem);
  }
  const littleEndian = syntax.pixelsLittleEndian;
  const swappedBytes = !littleEndian && pixels.vr !== "OB" && format.bitsAllocated <= 8;
  return {
    location: { kind: "native", at: pixels.at, littleEndian, swappedBytes },
    warnings:
      surplus > 1
        ? [
            {
              path: dataSet.path,
              field: pixels.name,
              problem: `${surplus} bytes behind the ${needed} of the pixels were left out`,
            },
          ]
        : [],
  };
}

function locateFragments(
  source: ByteSource,
  dataSet: DataSet,
  pixels: PixelElement,
  { frameCount, format, syntax }: Context,
): { location: PixelLocation; warnings: ImageWarning[] } {
  const [table, ...fragments] = fragmentsAt(source, pixels.at);
  const fail = (problem: string): ImageFileError => dataSet.fail("PixelData", problem);
  if (!table || fragments.length === 0) throw fail("there are no pixels in it");
  if (fragments.length < frameCount) {
    throw fail(`NumberOfFrames says ${frameCount}, there are ${fragments.length} fragments; the file is cut off`);
  }
  if (syntax.codec === "native" && !fragments.every(({ length }) => length >= nativeBytes(format, 1))) {
    throw fail(`expected fragments of ${nativeBytes(format, 1)} bytes; the file is damaged`);
  }
  const frames = (): Span[][] => {
    if (frameCount === 1) return [fragments];
    if (fragments.length === frameCount) return fragments.map((fragment) => [fragment]);
    const starts = frameStarts(source, dataSet, table, fragments, frameCount);
    return starts.map((start, i) => fragments.slice(start, starts[i + 1]));
  };
  return { location: { kind: "fragments", frames: frames() }, warnings: [] };
}

/** The index of every frame's first fragment: from the tables of offsets, else from the marks that begin a picture. */
function frameStarts(
  source: ByteSource,
  dataSet: DataSet,
  table: Span,
  fragments: readonly Span[],
  frameCount: number,
): number[] {
  const first = fragments[0]!.at - 8;
  const indexOf = new Map(fragments.map(({ at }, i) => [at - 8 - first, i]));
  for (const offsets of [basicOffsets(source, table, frameCount), extendedOffsets(dataSet, frameCount)]) {
    const starts = offsets?.map((offset) => indexOf.get(offset) ?? -1);
    if (starts?.every((start, i) => start === 0 || (i > 0 && start > starts[i - 1]!)) && starts[0] === 0) return starts;
  }
  const marked = fragments.flatMap(({ at, length }, i) =>
    length >= 4 && beginsPicture(source.view(at, 4)) ? [i] : [],
  );
  if (marked.length === frameCount && marked[0] === 0) return marked;
  const problem = `${frameCount} frames in ${fragments.length} fragments, and no table that tells which belong together`;
  throw dataSet.fail("PixelData", problem);
}

function basicOffsets(source: ByteSource, table: Span, frameCount: number): number[] | undefined {
  if (table.length !== 4 * frameCount) return undefined;
  const bytes = source.copy(table.at, table.length);
  return Array.from({ length: frameCount }, (_, i) => uint32(bytes, 4 * i, true));
}

function extendedOffsets(dataSet: DataSet, frameCount: number): number[] | undefined {
  const bytes = dataSet.elements.get("ExtendedOffsetTable")?.bytes;
  if (bytes?.length !== 8 * frameCount) return undefined;
  return Array.from({ length: frameCount }, (_, i) => Number(viewOf(bytes).getBigUint64(8 * i, true)));
}

/** JPEG and JPEG-LS (start of image and a marker), JPEG 2000 (code stream, or its file format). */
function beginsPicture(bytes: Uint8Array): boolean {
  const [a, b, c] = bytes as unknown as [number, number, number];
  if (a !== 0xff) return a === 0 && b === 0 && c === 0;
  return (b === 0xd8 && c === 0xff) || (b === 0x4f && c === 0xff);
}
