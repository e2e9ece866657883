import { type HuffmanTable, JpegDamage, ScanBits } from "./huffman.ts";
import { type JpegFrame, type JpegScan, type JpegState, zigzag } from "./jpeg-stream.ts";

/** Coefficients of one component: 64 a block, row by row, undivided by MCUs. */
export type Coefficients = Int16Array;

/**
 * Decodes one scan into coefficients.
 *
 * @param coefficientsOf - array of a component and where its block at [row, column] begins in it; asked once a block
 * @param onBlock - called when a block is decoded
 * @returns where the marker behind the scan begins
 * @throws {JpegDamage} if its data end early, go on too long, or contain what no encoder makes
 */
export function decodeScan(
  bytes: Uint8Array,
  at: number,
  scan: JpegScan,
  state: JpegState,
  coefficientsOf: (component: number) => Coefficients,
  blockAt: (component: number, row: number, column: number) => number,
  onBlock: (component: number, row: number, column: number) => void,
): number {
  const frame = state.frame as JpegFrame;
  const bits = new ScanBits(bytes, at);
  const needsDc = scan.from === 0 && scan.high === 0;
  const needsAc = scan.to > 0;
  const parts = scan.components.map(({ index, dc, ac }) => {
    const [dcTable, acTable] = [state.dcTables[dc], state.acTables[ac]];
    if ((needsDc && !dcTable) || (needsAc && !acTable)) throw new JpegDamage("a scan's Huffman table is missing");
    return { index, dcTable, acTable, coefficients: coefficientsOf(index), component: frame.components[index]! };
  });
  const predictions = new Int32Array(parts.length);
  const run = { blocks: 0 };
  const decode = blockDecoder(frame.isProgressive, scan, bits, run);

  // One component alone is coded in its own blocks, several in MCUs that reach beyond the picture.
  const alone = parts.length === 1 ? parts[0]!.component : undefined;
  const wide = alone ? Math.ceil(alone.width / 8) : frame.mcusWide;
  const high = alone ? Math.ceil(alone.height / 8) : frame.mcusHigh;
  const units = wide * high;
  let untilRestart = state.restartInterval;
  let restarts = 0;
  for (let unit = 0; unit < units; unit++) {
    if (state.restartInterval > 0) {
      if (untilRestart === 0) {
        if (run.blocks > 0) throw new JpegDamage("a run of empty blocks goes on over a restart");
        bits.restart(restarts++ & 7);
        predictions.fill(0);
        untilRestart = state.restartInterval;
      }
      untilRestart--;
    }
    const [unitRow, unitColumn] = [Math.floor(unit / wide), unit % wide];
    for (const [p, { index, coefficients, component, dcTable, acTable }] of parts.entries()) {
      const [h, v] = alone ? [1, 1] : [component.h, component.v];
      for (let y = 0; y < v; y++) {
        for (let x = 0; x < h; x++) {
          const [row, column] = [unitRow * v + y, unitColumn * h + x];
          const block = blockAt(index, row, column);
          predictions[p] = decode(coefficients, block, predictions[p]!, dcTable!, acTable!);
          onBlock(index, row, column);
        }
      }
    }
  }
  if (run.blocks > 0) throw new JpegDamage("a run of empty blocks goes on beyond the scan");
  return bits.end();
}

/** Decodes one block; takes and returns the DC prediction. */
type BlockDecoder = (
  coefficients: Coefficients,
  block: number,
  prediction: number,
  dcTable: HuffmanTable,
  acTable: HuffmanTable,
) => number;

function blockDecoder(isProgressive: boolean, scan: JpegScan, bits: ScanBits, run: { blocks: number }): BlockDecoder {
  const { from, to, high, low } = scan;
  if (!isProgressive) {
    return (coefficients, block, prediction, dcTable, acTable) => {
      const dc = prediction + bits.signed(bits.symbol(dcTable));
      coefficients[block] = dc;
      for (let k = 1; k < 64; k++) {
        const symbol = bits.symbol(acTable);
        const size = symbol & 15;
        if (size === 0) {
          if (symbol !== 0xf0) break; // end of block
          k += 15;
          continue;
        }
        k += symbol >> 4;
        if (k > 63) throw new JpegDamage("a block has more than 64 coefficients");
        coefficients[block + zigzag[k]!] = bits.signed(size);
      }
      return dc;
    };
  }
  if (from === 0 && high === 0) {
    return (coefficients, block, prediction, dcTable) => {
      const dc = prediction + bits.signed(bits.symbol(dcTable));
      coefficients[block] = dc << low;
      return dc;
    };
  }
  if (from === 0) {
    return (coefficients, block) => {
      if (bits.bits(1)) coefficients[block]! |= 1 << low;
      return 0;
    };
  }
  if (high === 0) {
    return (coefficients, block, _, __, acTable) => {
      if (run.blocks > 0) {
        run.blocks--;
        return 0;
      }
      for (let k = from; k <= to; k++) {
        const symbol = bits.symbol(acTable);
        const [zeros, size] = [symbol >> 4, symbol & 15];
        if (size === 0 && zeros < 15) {
          run.blocks = (1 << zeros) + bits.bits(zeros) - 1;
          break;
        }
        k += zeros;
        if (k > 63) throw new JpegDamage("a block has more than 64 coefficients");
        if (size > 0) coefficients[block + zigzag[k]!] = bits.signed(size) << low;
      }
      return 0;
    };
  }
  return (coefficients, block, _, __, acTable) => {
    refine(coefficients, block, scan, bits, run, acTable);
    return 0;
  };
}

/** One more bit for the coefficients of a block that are known, and new ones between them (T.81, G.1.2.3). */
function refine(
  coefficients: Coefficients,
  block: number,
  { from, to, low }: JpegScan,
  bits: ScanBits,
  run: { blocks: number },
  acTable: HuffmanTable,
): void {
  const one = 1 << low;
  const correct = (at: number) => {
    const value = coefficients[at]!;
    if (bits.bits(1) && (value & one) === 0) coefficients[at] = value + (value >= 0 ? one : -one);
  };
  let k = from;
  if (run.blocks === 0) {
    for (; k <= to; k++) {
      const symbol = bits.symbol(acTable);
      const size = symbol & 15;
      let zeros = symbol >> 4;
      let fresh = 0;
      if (size === 0) {
        if (zeros < 15) {
          run.blocks = (1 << zeros) + bits.bits(zeros);
          break;
        }
      } else {
        if (size !== 1) throw new JpegDamage("a refined coefficient has more than one bit");
        fresh = bits.bits(1) ? one : -one;
      }
      // Passes over coefficients that are known, correcting them, and over `zeros` that are not.
      for (; k <= to; k++) {
        const at = block + zigzag[k]!;
        if (coefficients[at] !== 0) correct(at);
        else if (zeros-- === 0) break;
      }
      if (fresh !== 0) {
        if (k > to) throw new JpegDamage("a block has more coefficients than its scan");
        coefficients[block + zigzag[k]!] = fresh;
      }
    }
  }
  if (run.blocks > 0) {
    for (; k <= to; k++) {
      const at = block + zigzag[k]!;
      if (coefficients[at] !== 0) correct(at);
    }
    run.blocks--;
  }
}
