import { InvalidArtifactError } from "../errors.ts";

/** One field of a protobuf message: an integer, or bytes (a text, a message, packed numbers, 4 or 8 fixed bytes). */
export interface ProtobufField {
  readonly number: number;
  /** Where its tag begins in the message. */
  readonly start: number;
  /** 0 integer, 1 eight bytes, 2 any number of bytes, 5 four bytes */
  readonly wire: 0 | 1 | 2 | 5;
  /** Of wire 0, as the int64 that it stands for; not exact beyond 2⁵³. */
  readonly value?: number;
  readonly bytes?: Uint8Array;
}

/**
 * The fields of one protobuf message in order, read more strictly than the format demands, so that no other reader can
 * understand the same bytes otherwise: tags of at most 32 bits, numbers in their shortest form, no groups.
 *
 * @param path - named in errors only
 * @throws {InvalidArtifactError} if the bytes are not a whole message
 */
export function* protobufFields(bytes: Uint8Array, path: string): Generator<ProtobufField> {
  let at = 0;
  const broken = () =>
    new InvalidArtifactError(path, "", "not a whole ONNX file (it is cut off or damaged); export or copy it again");
  const varint = (longest: number): number => {
    let value = 0;
    for (let length = 1; ; length++) {
      const byte = bytes[at++];
      if (byte === undefined || length > longest || (byte === 0 && length > 1)) throw broken();
      if (length === 10) {
        // the tenth byte holds the sign: two's complement of 64 bits
        if (byte !== 1) throw broken();
        return Number(BigInt.asIntN(64, wide(bytes, at - 10)));
      }
      value += (byte & 0x7f) * 128 ** (length - 1);
      if (byte < 0x80) return value;
    }
  };
  while (at < bytes.length) {
    const start = at;
    const tag = varint(5);
    const number = Math.floor(tag / 8);
    const wire = tag % 8;
    if (number === 0 || tag >= 2 ** 32) throw broken();
    if (wire === 0) {
      yield { number, start, wire, value: varint(10) };
    } else if (wire === 1 || wire === 2 || wire === 5) {
      const length = wire === 2 ? varint(5) : wire === 5 ? 4 : 8;
      if (!(at + length <= bytes.length)) throw broken();
      yield { number, start, wire, bytes: bytes.subarray(at, at + length) };
      at += length;
    } else throw broken();
  }
}

function wide(bytes: Uint8Array, from: number): bigint {
  let value = 0n;
  for (let i = 9; i >= 0; i--) value = (value << 7n) | BigInt(bytes[from + i]! & 0x7f);
  return value;
}

/** @throws {InvalidArtifactError} if the bytes are not UTF-8 */
export function protobufText(bytes: Uint8Array, path: string, field: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new InvalidArtifactError(path, field, "is not UTF-8 text; export the model again");
  }
}
