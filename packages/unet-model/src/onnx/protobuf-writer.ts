import { createHash } from "node:crypto";

const text = new TextEncoder();

/**
 * Writes protobuf wire format: just the parts that ONNX uses. Pieces are kept by reference and joined once at the
 * end, so that a model's weights are copied a single time.
 */
export class ProtobufWriter {
  readonly #pieces: Uint8Array[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** An integer field (int32, int64, enum). Non-negative safe integers and small negatives. */
  integer(field: number, value: number | bigint): this {
    this.#varint(BigInt(field) << 3n);
    this.#varint(BigInt.asUintN(64, BigInt(value)));
    return this;
  }

  float(field: number, value: number): this {
    this.#varint((BigInt(field) << 3n) | 5n);
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setFloat32(0, value, true);
    return this.#push(bytes);
  }

  string(field: number, value: string): this {
    return this.bytes(field, text.encode(value));
  }

  bytes(field: number, value: Uint8Array): this {
    this.#varint((BigInt(field) << 3n) | 2n);
    this.#varint(BigInt(value.length));
    return this.#push(value);
  }

  message(field: number, write: (inner: ProtobufWriter) => void): this {
    const inner = new ProtobufWriter();
    write(inner);
    this.#varint((BigInt(field) << 3n) | 2n);
    this.#varint(BigInt(inner.#length));
    for (const piece of inner.#pieces) this.#push(piece);
    return this;
  }

  /** SHA-256 of what was written so far, hex. */
  sha256(): string {
    const hash = createHash("sha256");
    for (const piece of this.#pieces) hash.update(piece);
    return hash.digest("hex");
  }

  finish(): Uint8Array {
    const out = new Uint8Array(this.#length);
    let at = 0;
    for (const piece of this.#pieces) {
      out.set(piece, at);
      at += piece.length;
    }
    return out;
  }

  #varint(value: bigint): void {
    const bytes: number[] = [];
    while (value > 127n) {
      bytes.push(Number(value & 127n) | 128);
      value >>= 7n;
    }
    bytes.push(Number(value));
    this.#push(Uint8Array.from(bytes));
  }

  #push(bytes: Uint8Array): this {
    this.#pieces.push(bytes);
    this.#length += bytes.length;
    return this;
  }
}
