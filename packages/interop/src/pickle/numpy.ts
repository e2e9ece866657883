import { PickleFault } from "./pickle-bytes.ts";
import { type Buildable, type PickleGlobal, PickleTuple } from "./pickle-values.ts";

/*
 * The few constructors of NumPy that logs, plans and properties of nnU-Net are made of: dtypes, scalars and arrays of
 * numbers. What is of another kind (texts, objects, times) stays inert.
 */

type Reader = (view: DataView, at: number, little: boolean) => number;

const readers: Readonly<Record<string, readonly [bytes: number, read: Reader]>> = {
  b1: [1, (v, at) => v.getUint8(at)],
  i1: [1, (v, at) => v.getInt8(at)],
  u1: [1, (v, at) => v.getUint8(at)],
  i2: [2, (v, at, little) => v.getInt16(at, little)],
  u2: [2, (v, at, little) => v.getUint16(at, little)],
  i4: [4, (v, at, little) => v.getInt32(at, little)],
  u4: [4, (v, at, little) => v.getUint32(at, little)],
  i8: [8, (v, at, little) => Number(v.getBigInt64(at, little))],
  u8: [8, (v, at, little) => Number(v.getBigUint64(at, little))],
  f4: [4, (v, at, little) => v.getFloat32(at, little)],
  f8: [8, (v, at, little) => v.getFloat64(at, little)],
};

/** The type of an array's elements; its byte order comes by BUILD. */
export class NumpyType implements Buildable {
  little = true;

  constructor(readonly code: string) {}

  setState(state: unknown): void {
    if (state instanceof PickleTuple && state.items[1] === ">") this.little = false;
  }

  /** Bytes of one element; undefined for a type that holds no numbers. */
  get elementSize(): number | undefined {
    return Object.hasOwn(readers, this.code) ? readers[this.code]![0] : undefined;
  }

  /** The number that begins at byte `at`. */
  number(bytes: Uint8Array, at: number): number {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return readers[this.code]![1](view, at, this.little);
  }
}

/** An array of numbers; empty until BUILD fills it, as bytes that are looked at when somebody asks. */
export class NumpyArray implements Buildable {
  #shape: readonly number[] = [0];
  #isFortran = false;
  #value: (index: number) => unknown = () => null;

  /** Numbers in it. */
  get count(): number {
    return this.#shape.reduce((product, n) => product * n, 1);
  }

  setState(state: unknown): void {
    // (version,) shape, type, is Fortran order, values
    const [shape, type, isFortran, values] = state instanceof PickleTuple ? state.items.slice(-4) : [];
    const axes = shape instanceof PickleTuple ? shape.items : undefined;
    if (!axes?.every((n) => Number.isSafeInteger(n) && (n as number) >= 0) || axes.length > 32) {
      throw new PickleFault("it has a NumPy array without a shape");
    }
    let held: number;
    if (Array.isArray(values)) {
      held = values.length;
      this.#value = (index) => values[index];
    } else {
      const size = type instanceof NumpyType ? type.elementSize : undefined;
      if (!(values instanceof Uint8Array) || size === undefined) return; // of texts or times: it stays empty
      held = values.length / size;
      this.#value = (index) => (type as NumpyType).number(values, index * size);
    }
    this.#shape = axes as number[];
    this.#isFortran = isFortran === true;
    if (held !== this.count) throw new PickleFault(`it has a NumPy array of ${this.count} values that holds ${held}`);
  }

  /** Lists within lists, one level per axis; an array without axes is its one value. */
  nested(): unknown {
    const shape = this.#shape;
    const strides = shape.map((_, axis) => {
      const inner = this.#isFortran ? shape.slice(0, axis) : shape.slice(axis + 1);
      return inner.reduce((product, n) => product * n, 1);
    });
    const part = (axis: number, at: number): unknown =>
      axis === shape.length
        ? this.#value(at)
        : Array.from({ length: shape[axis]! }, (_, i) => part(axis + 1, at + i * strides[axis]!));
    // one without values may have a million empty rows
    return this.count === 0 ? [] : part(0, 0);
  }
}

const modules = /^numpy(\._?core)?(\.(multiarray|numeric))?$/;

/**
 * The constructors for one pickle.
 *
 * @returns a function that gives undefined for what is not NumPy's, or not of this list
 * @see {@link unpickle}
 */
export function numpyConstructors(): (global: PickleGlobal, args: readonly unknown[]) => unknown {
  // A text that is encoded a million times gives the same bytes a million times.
  const encoded = new Map<string, Uint8Array>();
  return ({ module, name }, args) => {
    const [first, second] = args;
    if (module === "_codecs" && name === "encode" && typeof first === "string" && second === "latin1") {
      // bytes, as protocol 2 writes them
      if (!encoded.has(first)) encoded.set(first, new Uint8Array(Buffer.from(first, "latin1")));
      return encoded.get(first);
    }
    if (!modules.test(module)) return undefined;
    if (name === "dtype" && typeof first === "string") return new NumpyType(first);
    if (name === "_reconstruct") return new NumpyArray();
    if (name === "_frombuffer") {
      const array = new NumpyArray(); // protocol 5
      array.setState(new PickleTuple([args[2], second, args[3] === "F", first]));
      return array;
    }
    if (name === "scalar" && first instanceof NumpyType && second instanceof Uint8Array) {
      if (first.elementSize !== second.length) return undefined;
      const value = first.number(second, 0);
      return first.code === "b1" ? value !== 0 : value;
    }
    return undefined;
  };
}
