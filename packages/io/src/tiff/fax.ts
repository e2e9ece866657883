import {
  blackTable,
  type FaxTable,
  horizontalMode,
  longestModeCode,
  longestRunCode,
  modeTable,
  passMode,
  whiteTable,
} from "./fax-codes.ts";

/*
 * Fax compression of 1-bit images (ITU-T T.4 and T.6, TIFF 6.0 sections 10 and 11): rows as runs of white and black, or as
 * differences to the row above.
 */

export interface FaxKind {
  /** Rows that are always, never, or by a bit behind each end-of-line, coded by the row above. */
  readonly byRowAbove: "always" | "never" | "by a bit";
  /** Each row begins with a new byte (8) or word (16); 1 if it does not. */
  readonly alignment: 1 | 8 | 16;
}

/**
 * @returns rows of bits, 1 for black, each beginning with a new byte; fewer if the data end early
 * @throws {RangeError} if a code stands for nothing, or a row is longer than the picture is wide
 */
export function unpackFax(packed: Uint8Array, width: number, rows: number, kind: FaxKind): Uint8Array {
  const rowBytes = Math.ceil(width / 8);
  const out = new Uint8Array(rows * rowBytes);
  const bits = new FaxBits(packed);
  // Where colours change, white first; the row before the first one is white.
  let above: number[] = [];
  for (let row = 0; row < rows; row++) {
    const hadEndOfLine = kind.byRowAbove !== "always" && kind.alignment === 1 && bits.passEndOfLine();
    if (kind.byRowAbove === "by a bit" && !hadEndOfLine) return out.subarray(0, row * rowBytes);
    const isLikeAbove = kind.byRowAbove === "always" || (kind.byRowAbove === "by a bit" && bits.take(1) === 0);
    if (bits.isAtEnd) return out.subarray(0, row * rowBytes);
    const changes = isLikeAbove ? rowByRowAbove(bits, above, width) : rowOfRuns(bits, width);
    if (changes === undefined) return out.subarray(0, row * rowBytes);
    for (let i = 0; i < changes.length; i += 2) {
      blacken(out, row * rowBytes * 8 + changes[i]!, row * rowBytes * 8 + Math.min(width, changes[i + 1] ?? width));
    }
    above = changes;
    bits.align(kind.alignment);
  }
  return out;
}

function rowOfRuns(bits: FaxBits, width: number): number[] {
  const changes: number[] = [];
  for (let x = 0, isBlack = false; x < width; isBlack = !isBlack) {
    x += bits.run(isBlack);
    if (x > width) throw new RangeError("a row is longer than the picture is wide");
    changes.push(x);
  }
  return changes;
}

/** @returns undefined at the end-of-block code */
function rowByRowAbove(bits: FaxBits, above: readonly number[], width: number): number[] | undefined {
  const changes: number[] = [];
  let x = -1;
  let isBlack = false;
  let i = 0; // of the first change above that lies to the right and goes to the other colour
  while (x < width) {
    i = Math.max(0, i - 2);
    if ((i & 1) !== (isBlack ? 1 : 0)) i++;
    while (i < above.length && above[i]! <= x) i += 2;
    const change = above[i] ?? width;
    const mode = bits.mode();
    if (mode === undefined) return undefined;
    if (mode === passMode) {
      x = above[i + 1] ?? width;
      // A run that goes on to the end has no change.
      if (x >= width) break;
      continue;
    }
    if (mode === horizontalMode) {
      for (let part = 0; part < 2; part++) {
        x = Math.max(0, x) + bits.run(part === 0 ? isBlack : !isBlack);
        if (x > width) throw new RangeError("a row is longer than the picture is wide");
        changes.push(x);
      }
      continue;
    }
    const next = change + mode - 3;
    if (next < Math.max(0, x) || next > width) throw new RangeError("a change of colour lies outside its row");
    changes.push(next);
    x = next;
    isBlack = !isBlack;
  }
  return changes;
}

class FaxBits {
  private bit = 0;
  private readonly end: number;

  constructor(private readonly bytes: Uint8Array) {
    this.end = bytes.length * 8;
  }

  get isAtEnd(): boolean {
    return this.bit >= this.end;
  }

  /** The next n bits, up to 16, without passing them; zeros behind the end. */
  private peek(n: number): number {
    const at = this.bit >> 3;
    const word = (this.bytes[at]! << 16) | (this.bytes[at + 1]! << 8) | this.bytes[at + 2]!;
    return (word >> (24 - n - (this.bit & 7))) & ((1 << n) - 1);
  }

  take(n: number): number {
    const value = this.peek(n);
    this.bit += n;
    return value;
  }

  align(to: number): void {
    this.bit = to * Math.ceil(this.bit / to);
  }

  /** Passes zeros and a one if there are eleven zeros or more. */
  passEndOfLine(): boolean {
    if (this.peek(11) !== 0) return false;
    let at = this.bit + 11;
    while (at < this.end && ((this.bytes[at >> 3]! >> (7 - (at & 7))) & 1) === 0) at++;
    this.bit = at + 1;
    return at < this.end;
  }

  /** Pixels of one run: any number of multiples of 64, then less than 64. */
  run(isBlack: boolean): number {
    for (let length = 0; ; ) {
      const part = this.code(isBlack ? blackTable : whiteTable, longestRunCode);
      length += part;
      if (part < 64) return length;
    }
  }

  /** undefined at the end of the block, an end-of-line code. */
  mode(): number | undefined {
    if (this.peek(12) === 1 || this.isAtEnd) return undefined;
    return this.code(modeTable, longestModeCode);
  }

  private code(table: FaxTable, longest: number): number {
    const entry = table[this.peek(longest)]!;
    if (entry === 0) throw new RangeError("a code stands for nothing");
    this.bit += entry >> 12;
    if (this.bit > this.end) throw new RangeError("the data end within a row");
    return entry & 0xfff;
  }
}

function blacken(out: Uint8Array, from: number, to: number): void {
  for (let bit = from; bit < to; ) {
    if ((bit & 7) === 0 && to - bit >= 8) {
      const bytes = (to - bit) >> 3;
      out.fill(0xff, bit >> 3, (bit >> 3) + bytes);
      bit += bytes * 8;
    } else {
      out[bit >> 3]! |= 0x80 >> (bit & 7);
      bit++;
    }
  }
}
