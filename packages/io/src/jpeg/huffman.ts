/*
 * Huffman codes and the bits of a JPEG scan (ITU-T T.81, annexes C and F.2.2). Bits that are not there are an error: no
 * decoder can tell a picture from a guess.
 */

/** Something in the stream that no encoder makes. The reader of the file adds its name. */
export class JpegDamage extends Error {
  constructor(problem: string, remedy = "the file is damaged, get it again") {
    super(`${problem}${remedy && `; ${remedy}`}`);
  }
}

export interface HuffmanTable {
  /** By the next nine bits: length of the code × 256 + symbol; 0 for longer codes. */
  readonly short: Uint16Array;
  /** Largest code of each length, −1 if there is none, and where its symbols end. */
  readonly largest: Int32Array;
  readonly offset: Int32Array;
  readonly symbols: Uint8Array;
}

const shortBits = 9;

/**
 * @param counts - of codes of 1 to 16 bits
 * @throws {JpegDamage} if there are more codes of a length than bits allow
 */
export function huffmanTable(counts: Uint8Array, symbols: Uint8Array): HuffmanTable {
  const short = new Uint16Array(1 << shortBits);
  const largest = new Int32Array(17).fill(-1);
  const offset = new Int32Array(17);
  let code = 0;
  let k = 0;
  for (let length = 1; length <= 16; length++) {
    const count = counts[length - 1]!;
    offset[length] = k - code;
    for (let i = 0; i < count; i++, k++, code++) {
      if (length > shortBits) continue;
      const first = code << (shortBits - length);
      short.fill((length << 8) | symbols[k]!, first, first + (1 << (shortBits - length)));
    }
    if (count > 0) largest[length] = code - 1;
    if (code > 1 << length) throw new JpegDamage("a Huffman table has more codes than fit");
    code <<= 1;
  }
  return { short, largest, offset, symbols };
}

export class ScanBits {
  private buffer = 0;
  private count = 0;

  /** @param at - first byte of the scan's entropy-coded data */
  constructor(
    private readonly bytes: Uint8Array,
    private at: number,
  ) {}

  private fill(): void {
    while (this.count <= 24 && this.at < this.bytes.length) {
      const byte = this.bytes[this.at]!;
      if (byte === 0xff) {
        if (this.bytes[this.at + 1] !== 0) return; // a marker
        this.at++;
      }
      this.at++;
      this.buffer = (this.buffer << 8) | byte;
      this.count += 8;
    }
  }

  /** The next symbol. */
  symbol(table: HuffmanTable): number {
    if (this.count < 16) this.fill();
    const { count, buffer } = this;
    const ahead = count >= shortBits ? buffer >>> (count - shortBits) : buffer << (shortBits - count);
    const entry = table.short[ahead & ((1 << shortBits) - 1)]!;
    if (entry !== 0) {
      const length = entry >> 8;
      if (length > count) throw endsEarly();
      this.count = count - length;
      return entry & 0xff;
    }
    for (let length = shortBits + 1; length <= 16; length++) {
      if (length > count) throw endsEarly();
      const code = (buffer >>> (count - length)) & ((1 << length) - 1);
      if (code > table.largest[length]!) continue;
      this.count = count - length;
      return table.symbols[code + table.offset[length]!]!;
    }
    throw new JpegDamage("a code stands for nothing");
  }

  /** The next n bits, 0 to 16, as a number from 0. */
  bits(n: number): number {
    if (this.count < n) {
      this.fill();
      if (this.count < n) throw endsEarly();
    }
    this.count -= n;
    return (this.buffer >>> this.count) & ((1 << n) - 1);
  }

  /** The next n bits as T.81's "additional bits": the upper half is positive, the lower one negative. */
  signed(n: number): number {
    if (n === 0) return 0;
    const value = this.bits(n);
    return value < 1 << (n - 1) ? value - (1 << n) + 1 : value;
  }

  /**
   * Ends a run of blocks: fewer than eight bits may be left, then comes a marker.
   *
   * @returns where the marker begins
   */
  end(): number {
    this.fill();
    if (this.count >= 8) throw new JpegDamage("there are more data in the scan than its blocks need");
    return this.at;
  }

  /** Ends a restart interval and passes over its marker, which must have the given number. */
  restart(number: number): void {
    let at = this.end();
    while (this.bytes[at] === 0xff && this.bytes[at + 1] === 0xff) at++;
    if (this.bytes[at + 1] !== 0xd0 + number) throw new JpegDamage(`the restart marker ${number} is missing`);
    this.at = at + 2;
    this.count = 0;
  }
}

function endsEarly(): JpegDamage {
  return new JpegDamage("the data of a scan end early");
}
