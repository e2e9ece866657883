/*
 * The element types of torch: how many bytes each has, and how its values come into an array.
 */

export type TorchArray =
  | Float64Array
  | Float32Array
  | BigInt64Array
  | BigUint64Array
  | Int32Array
  | Uint32Array
  | Int16Array
  | Uint16Array
  | Int8Array
  | Uint8Array;

export interface ElementType {
  /** torch's name: "float32". */
  readonly name: string;
  readonly bytes: number;
  readonly make: (length: number) => TorchArray;
  /** Value at byte `at`. */
  readonly read: (view: DataView, at: number, little: boolean) => number | bigint;
}

const float32 = (length: number) => new Float32Array(length);

const types: readonly ElementType[] = [
  { name: "float64", bytes: 8, make: (n) => new Float64Array(n), read: (v, at, l) => v.getFloat64(at, l) },
  { name: "float32", bytes: 4, make: float32, read: (v, at, l) => v.getFloat32(at, l) },
  { name: "float16", bytes: 2, make: float32, read: (v, at, l) => smallFloat(v.getUint16(at, l), 5, 10) },
  { name: "bfloat16", bytes: 2, make: float32, read: (v, at, l) => smallFloat(v.getUint16(at, l), 8, 7) },
  { name: "float8_e5m2", bytes: 1, make: float32, read: (v, at) => smallFloat(v.getUint8(at), 5, 2) },
  { name: "float8_e4m3fn", bytes: 1, make: float32, read: (v, at) => float8e4m3fn(v.getUint8(at)) },
  { name: "int64", bytes: 8, make: (n) => new BigInt64Array(n), read: (v, at, l) => v.getBigInt64(at, l) },
  { name: "uint64", bytes: 8, make: (n) => new BigUint64Array(n), read: (v, at, l) => v.getBigUint64(at, l) },
  { name: "int32", bytes: 4, make: (n) => new Int32Array(n), read: (v, at, l) => v.getInt32(at, l) },
  { name: "uint32", bytes: 4, make: (n) => new Uint32Array(n), read: (v, at, l) => v.getUint32(at, l) },
  { name: "int16", bytes: 2, make: (n) => new Int16Array(n), read: (v, at, l) => v.getInt16(at, l) },
  { name: "uint16", bytes: 2, make: (n) => new Uint16Array(n), read: (v, at, l) => v.getUint16(at, l) },
  { name: "int8", bytes: 1, make: (n) => new Int8Array(n), read: (v, at) => v.getInt8(at) },
  { name: "uint8", bytes: 1, make: (n) => new Uint8Array(n), read: (v, at) => v.getUint8(at) },
  { name: "bool", bytes: 1, make: (n) => new Uint8Array(n), read: (v, at) => (v.getUint8(at) === 0 ? 0 : 1) },
];

const byName = new Map(types.map((type) => [type.name, type]));

/** Classes of storages, `torch.FloatStorage`, by the element type that they hold. */
const storageClasses: Readonly<Record<string, string>> = {
  DoubleStorage: "float64",
  FloatStorage: "float32",
  HalfStorage: "float16",
  BFloat16Storage: "bfloat16",
  LongStorage: "int64",
  IntStorage: "int32",
  ShortStorage: "int16",
  CharStorage: "int8",
  ByteStorage: "uint8",
  BoolStorage: "bool",
  // Its elements are bytes; each tensor says what they mean.
  UntypedStorage: "uint8",
};

/** @returns undefined for a type that is not read: complex, quantised */
export function elementType(name: string): ElementType | undefined {
  return byName.get(name);
}

/** The element type of a class of storages, "FloatStorage" or "torch.cuda.FloatStorage". */
export function storageElementType(className: string): ElementType | undefined {
  const name = Object.hasOwn(storageClasses, className) ? storageClasses[className] : undefined;
  return name === undefined ? undefined : byName.get(name);
}

/** IEEE 754 in fewer bits: a sign, `exponentBits`, `mantissaBits`; all ones in the exponent are infinities and NaN. */
function smallFloat(bits: number, exponentBits: number, mantissaBits: number): number {
  const sign = bits >> (exponentBits + mantissaBits) ? -1 : 1;
  const exponent = (bits >> mantissaBits) & (2 ** exponentBits - 1);
  const mantissa = bits & (2 ** mantissaBits - 1);
  const bias = 2 ** (exponentBits - 1) - 1;
  if (exponent === 2 ** exponentBits - 1) return mantissa === 0 ? sign * Infinity : Number.NaN;
  if (exponent === 0) return sign * mantissa * 2 ** (1 - bias - mantissaBits);
  return sign * (1 + mantissa / 2 ** mantissaBits) * 2 ** (exponent - bias);
}

/** Four bits of exponent, three of mantissa; no infinities, and one pattern (of each sign) that is NaN. */
function float8e4m3fn(bits: number): number {
  if ((bits & 0x7f) === 0x7f) return Number.NaN;
  const sign = bits & 0x80 ? -1 : 1;
  const exponent = (bits >> 3) & 15;
  const mantissa = bits & 7;
  return exponent === 0 ? sign * mantissa * 2 ** -9 : sign * (1 + mantissa / 8) * 2 ** (exponent - 7);
}
