/** What is wrong with a pickle, without where it lies; `unpickle` tells that. */
export class PickleFault extends Error {}

const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** Of a protocol-0 line: a name, a number or a text. */
const longestLine = 2 ** 20;
/** A whole number of 2 kB has 4,900 digits; nothing of nnU-Net's has more than 20. */
const longestNumber = 2048;

/** Reads a pickle program from front to back. Every length is held against what is left. */
export class PickleBytes {
  at = 0;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  take(length: number): Uint8Array {
    if (!(length >= 0 && this.at + length <= this.#bytes.length)) throw new PickleFault("it is cut off");
    this.at += length;
    return this.#bytes.subarray(this.at - length, this.at);
  }

  uint8(): number {
    return this.take(1)[0]!;
  }

  uint16(): number {
    this.take(2);
    return this.#view.getUint16(this.at - 2, true);
  }

  int32(): number {
    this.take(4);
    return this.#view.getInt32(this.at - 4, true);
  }

  uint32(): number {
    this.take(4);
    return this.#view.getUint32(this.at - 4, true);
  }

  uint64(): number {
    this.take(8);
    return Number(this.#view.getBigUint64(this.at - 8, true));
  }

  /** Big endian, unlike all others. */
  float64(): number {
    this.take(8);
    return this.#view.getFloat64(this.at - 8, false);
  }

  text(length: number): string {
    const bytes = this.take(length);
    try {
      return text.decode(bytes);
    } catch {
      // Python lets half a surrogate pair through ("surrogatepass"); no key or name of ours has one
      return Buffer.from(bytes).toString("latin1");
    }
  }

  /** Up to the next newline, which is not part of it. */
  line(): string {
    const end = this.#bytes.indexOf(10, this.at);
    if (end < 0 || end - this.at > longestLine) throw new PickleFault("it is cut off");
    const line = this.text(end - this.at);
    this.at++;
    return line;
  }

  /** Two's complement of any length. */
  wholeNumber(length: number): number | bigint {
    if (length > longestNumber) throw new PickleFault(`it holds a whole number of ${length} bytes`);
    const bytes = this.take(length);
    if (length === 0) return 0;
    const hex = Buffer.from(bytes).reverse().toString("hex");
    return narrow(BigInt.asIntN(8 * length, BigInt(`0x${hex}`)));
  }
}

/** A whole number as it is written in protocol 0: "12", "12L". */
export function numberFromLine(line: string): number | bigint {
  const digits = /^\s*([+-]?\d+)L?\s*$/.exec(line)?.[1];
  if (digits === undefined || digits.length > 2 * longestNumber) throw new PickleFault("it holds a damaged number");
  return narrow(BigInt(digits));
}

function narrow(value: bigint): number | bigint {
  return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
}
