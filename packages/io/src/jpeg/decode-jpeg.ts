import { mostCompressedPixels } from "../voxels/picture-size.ts";
import { JpegDamage } from "./huffman.ts";
import { inverseDct } from "./inverse-dct.ts";
import { coloursOf, type JpegColours, toRgb } from "./jpeg-colours.ts";
import { decodeScan } from "./jpeg-scan.ts";
import { type JpegFrame, JpegFeature, type JpegState, newJpegState, walkJpeg } from "./jpeg-stream.ts";
import { type JpegPlane, upsampled } from "./upsampling.ts";

export interface JpegPicture {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  /** 8 or 12 bits. */
  readonly precision: number;
  /** Channel after channel (`planar`), else [row, column, channel]. */
  readonly samples: Uint8Array | Uint16Array;
}

export interface DecodeJpegOptions {
  /** A stream of tables alone, which come before the picture's own (TIFF's JPEGTables). */
  readonly tables?: Uint8Array | undefined;
  /** What the components mean; by default what the stream says. */
  readonly colours?: JpegColours | undefined;
  /** What they mean where the stream says nothing; "YCbCr" by default, as libjpeg has it. */
  readonly coloursIfSilent?: JpegColours;
  readonly planar?: boolean;
}

/** Encoders make about ten. */
const mostScans = 200;

/**
 * Decodes a sequential or progressive JPEG (ITU-T T.81) of 8 or 12 bits to the samples that libjpeg-turbo gives with
 * its slow, exact transform and fancy upsampling, which is what Pillow, OpenCV and tifffile show. Orientation in EXIF is
 * not looked at, as by Pillow's `open`.
 *
 * @throws {JpegDamage} if data are missing, left over, or of no meaning: what libjpeg only warns of
 * @throws {JpegFeature} for arithmetic coding, lossless and hierarchical JPEG
 */
export function decodeJpeg(bytes: Uint8Array, options: DecodeJpegOptions = {}): JpegPicture {
  const state = newJpegState();
  if (options.tables) {
    walkJpeg(options.tables, state, () => {
      throw new JpegDamage("the tables contain a scan");
    });
  }
  const planes: JpegPlane[] = [];
  const stores: Int16Array[] = [];
  // Bits of each coefficient that are still to come; −1 where none has come.
  const missing: Int8Array[] = [];
  const block = new Int16Array(64);
  let scans = 0;
  walkJpeg(bytes, state, (scan, at) => {
    const frame = state.frame!;
    if (planes.length === 0) {
      checkSize(frame, bytes.length);
      planes.push(...frame.components.map((component) => emptyPlane(component, frame.precision)));
      for (const { blocksWide, blocksHigh } of frame.components) {
        missing.push(new Int8Array(64).fill(-1));
        if (frame.isProgressive) stores.push(new Int16Array(blocksWide * blocksHigh * 64));
      }
    }
    if (++scans > mostScans) throw new JpegFeature(`JPEG of more than ${mostScans} scans`);
    for (const { index } of scan.components) {
      for (let k = scan.from; k <= scan.to; k++) {
        const before = missing[index]![k]!;
        if (before !== (scan.high === 0 ? -1 : scan.high)) throw new JpegDamage("its scans repeat or leave out bits");
        if (k > 0 && missing[index]![0] === -1 && frame.isProgressive)
          throw new JpegDamage("its scans are out of order");
        missing[index]![k] = scan.low;
      }
    }
    if (frame.isProgressive) {
      const blockAt = (c: number, row: number, column: number) => (row * frame.components[c]!.blocksWide + column) * 64;
      return decodeScan(
        bytes,
        at,
        scan,
        state,
        (c) => stores[c]!,
        blockAt,
        () => {},
      );
    }
    const transform = transformOf(state, planes);
    const onBlock = (c: number, row: number, column: number) => {
      transform(c, block, 0, row, column);
      block.fill(0);
    };
    return decodeScan(
      bytes,
      at,
      scan,
      state,
      () => block,
      () => 0,
      onBlock,
    );
  });
  const { frame } = state;
  if (!frame || missing.length === 0) throw new JpegDamage("there is no picture in it");
  for (const bits of missing) {
    if (bits.some((left) => left !== 0)) throw new JpegFeature("JPEG whose scans are not all there");
  }
  if (frame.isProgressive) {
    const transform = transformOf(state, planes);
    for (const [c, { blocksWide, blocksHigh }] of frame.components.entries()) {
      for (let i = 0; i < blocksWide * blocksHigh; i++) {
        transform(c, stores[c]!, i * 64, Math.floor(i / blocksWide), i % blocksWide);
      }
    }
  }
  return assemble(
    frame,
    planes,
    options.colours ?? coloursOf(state, options.coloursIfSilent ?? "YCbCr"),
    options.planar ?? false,
  );
}

/** The frame header alone. */
export function readJpegFrame(bytes: Uint8Array): JpegFrame {
  const state = newJpegState();
  walkJpeg(bytes, state, () => undefined);
  if (!state.frame) throw new JpegDamage("the size of the picture is missing");
  checkSize(state.frame, bytes.length);
  return state.frame;
}

/** Each block takes at least a bit; a header that promises more blocks than that lies. */
function checkSize({ width, height, components }: JpegFrame, bytes: number): void {
  let blocks = 0;
  for (const component of components) blocks += Math.ceil(component.width / 8) * Math.ceil(component.height / 8);
  if (blocks > bytes * 8) {
    throw new JpegDamage(`it promises ${width} × ${height} pixels, which ${bytes} bytes cannot hold`);
  }
  if (width * height > mostCompressedPixels) {
    throw new JpegFeature(`JPEG of ${width} × ${height} pixels, more than ${mostCompressedPixels},`);
  }
}

function emptyPlane(component: JpegFrame["components"][number], precision: number): JpegPlane {
  const stride = component.blocksWide * 8;
  const length = stride * component.blocksHigh * 8;
  return { component, stride, samples: precision === 8 ? new Uint8Array(length) : new Uint16Array(length) };
}

function transformOf(state: JpegState, planes: readonly JpegPlane[]) {
  const { precision } = state.frame!;
  const tables = planes.map(({ component }) => state.quantTables[component.quantTable]);
  return (c: number, coefficients: Int16Array, from: number, row: number, column: number): void => {
    const table = tables[c];
    if (!table) throw new JpegDamage("a quantization table is missing");
    const { samples, stride } = planes[c]!;
    inverseDct(coefficients, from, table, samples, row * 8 * stride + column * 8, stride, precision);
  };
}

function assemble(frame: JpegFrame, planes: readonly JpegPlane[], colours: JpegColours, planar: boolean): JpegPicture {
  const { width, height, precision, maxH, maxV } = frame;
  const channels = planes.length;
  const length = width * height * channels;
  const samples = precision === 8 ? new Uint8Array(length) : new Uint16Array(length);
  const rowsOf = planes.map((plane) => upsampled(plane, maxH / plane.component.h, maxV / plane.component.v));
  const rows = planes.map(() => (precision === 8 ? new Uint8Array(width) : new Uint16Array(width)));
  for (let y = 0; y < height; y++) {
    for (const [c, rowOf] of rowsOf.entries()) rowOf(y, rows[c]!);
    if (colours !== "as they are" && channels >= 3) toRgb(rows, precision, colours === "YCCK");
    for (const [c, row] of rows.entries()) {
      if (planar || channels === 1) samples.set(row, (c * height + y) * width);
      else for (let x = 0, to = y * width * channels + c; x < width; x++, to += channels) samples[to] = row[x]!;
    }
  }
  return { width, height, channels, precision, samples };
}
