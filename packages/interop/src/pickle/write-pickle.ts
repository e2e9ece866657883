import { InvalidArgumentError } from "@nnunet/core";

/** A value that the writer does not know; it writes it by these. */
export interface PickleWriter {
  global(module: string, name: string): PickleWriter;
  value(value: unknown): PickleWriter;
  tuple(items: readonly unknown[]): PickleWriter;
  operation(code: string): PickleWriter;
}

/**
 * Data as a pickle of protocol 2: null, booleans, numbers, texts, lists, plain objects and maps (as dictionaries). Whole
 * numbers become ints, others floats.
 *
 * @param special - writes values of other kinds; true if it did
 * @throws {InvalidArgumentError} for a value of a kind that neither knows
 */
export function writePickle(
  value: unknown,
  special: (value: unknown, writer: PickleWriter) => boolean = () => false,
): Uint8Array {
  const out: Buffer[] = [Buffer.of(0x80, 2)];
  const put = (code: string, ...more: Buffer[]) => void out.push(Buffer.from(code, "latin1"), ...more);
  const write = (each: unknown): void => {
    if (special(each, writer)) return;
    if (each === null || each === undefined) put("N");
    else if (typeof each === "boolean") put(each ? "\x88" : "\x89");
    else if (typeof each === "number") writeNumber(each, put);
    else if (typeof each === "string") {
      const bytes = Buffer.from(each);
      put("X", uint32(bytes.length), bytes);
    } else if (Array.isArray(each)) {
      put("](");
      for (const item of each) write(item);
      put("e");
    } else if (each instanceof Map || Object.getPrototypeOf(each) === Object.prototype) {
      put("}(");
      for (const [key, item] of each instanceof Map ? each : Object.entries(each as object)) {
        write(key);
        write(item);
      }
      put("u");
    } else throw new InvalidArgumentError("value", "data that a pickle can hold", each);
  };
  const writer: PickleWriter = {
    global(module, name) {
      put("c", Buffer.from(`${module}\n${name}\n`));
      return writer;
    },
    value(each) {
      write(each);
      return writer;
    },
    tuple(items) {
      put("(");
      for (const item of items) write(item);
      put("t");
      return writer;
    },
    operation(code) {
      put(code);
      return writer;
    },
  };
  write(value);
  put(".");
  return Buffer.concat(out);
}

function writeNumber(value: number, put: (code: string, ...more: Buffer[]) => void): void {
  const bytes = Buffer.alloc(8);
  if (Number.isSafeInteger(value) && !Object.is(value, -0)) {
    if (value >= -(2 ** 31) && value < 2 ** 31) {
      bytes.writeInt32LE(value, 0);
      put("J", bytes.subarray(0, 4));
    } else {
      bytes.writeBigInt64LE(BigInt(value), 0);
      put("\x8a\x08", bytes);
    }
    return;
  }
  bytes.writeDoubleBE(value, 0);
  put("G", bytes);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value, 0);
  return bytes;
}
