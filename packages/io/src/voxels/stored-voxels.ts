import { ImageFileError, type VoxelArray } from "@nnunet/core";

/** NumPy's names of the element types that image files hold. */
export type StoredType =
  | "uint8"
  | "int8"
  | "uint16"
  | "int16"
  | "uint32"
  | "int32"
  | "uint64"
  | "int64"
  | "float32"
  | "float64";

export const bytesOf: Readonly<Record<StoredType, number>> = {
  uint8: 1,
  int8: 1,
  uint16: 2,
  int16: 2,
  uint32: 4,
  int32: 4,
  uint64: 8,
  int64: 8,
  float32: 4,
  float64: 8,
};

/** The bytes of an array; a view of the right part of its buffer, nothing is copied. */
export function bytesOfArray(data: VoxelArray): Uint8Array<ArrayBuffer> {
  return new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
}

/** An array of zeros of the type that {@link storedVoxels} gives. */
export function arrayOf(type: StoredType, length: number): VoxelArray {
  switch (arrayTypeOf(type)) {
    case "uint8":
      return new Uint8Array(length);
    case "int8":
      return new Int8Array(length);
    case "uint16":
      return new Uint16Array(length);
    case "int16":
      return new Int16Array(length);
    case "uint32":
      return new Uint32Array(length);
    case "int32":
      return new Int32Array(length);
    case "float32":
      return new Float32Array(length);
    default:
      return new Float64Array(length);
  }
}

/** The type of the array that {@link storedVoxels} gives. */
export function arrayTypeOf(type: StoredType): StoredType {
  return type === "int64" || type === "uint64" ? "float64" : type;
}

/**
 * The bytes of a file as an array of the stored type. 64-bit integers become float64, which holds labels and counts
 * exactly up to 2⁵³.
 *
 * @param buffer - taken over; swapped in place for big-endian files
 * @throws {ImageFileError} if a 64-bit integer is beyond ±2⁵³
 */
export function storedVoxels(buffer: ArrayBuffer, type: StoredType, littleEndian: boolean, path: string): VoxelArray {
  if (!littleEndian) swapBytes(buffer, bytesOf[type]);
  switch (type) {
    case "uint8":
      return new Uint8Array(buffer);
    case "int8":
      return new Int8Array(buffer);
    case "uint16":
      return new Uint16Array(buffer);
    case "int16":
      return new Int16Array(buffer);
    case "uint32":
      return new Uint32Array(buffer);
    case "int32":
      return new Int32Array(buffer);
    case "float32":
      return new Float32Array(buffer);
    case "float64":
      return new Float64Array(buffer);
    case "int64":
      return exactDoubles(new BigInt64Array(buffer), path);
    case "uint64":
      return exactDoubles(new BigUint64Array(buffer), path);
  }
}

/** An array of zeros. @throws {RangeError} if there is no memory for it */
export function emptyVoxels(type: StoredType, length: number): VoxelArray {
  return storedVoxels(new ArrayBuffer(length * bytesOf[arrayTypeOf(type)]), arrayTypeOf(type), true, "");
}

/** NumPy's name of an array's element type. */
export function typeOfArray(data: VoxelArray): StoredType {
  return data.constructor.name.replace("Array", "").toLowerCase() as StoredType;
}

/** Interleaved components (RGB RGB …) → one plane per channel. */
export function planar<T extends VoxelArray>(interleaved: T, components: number): T {
  const planes = interleaved.slice() as T;
  const voxels = interleaved.length / components;
  for (let c = 0; c < components; c++) {
    for (let i = 0, from = c, to = c * voxels; i < voxels; i++, from += components) planes[to + i] = interleaved[from]!;
  }
  return planes;
}

/** The inverse of {@link planar}. */
export function interleaved<T extends VoxelArray>(planes: T, components: number): T {
  const together = planes.slice() as T;
  const voxels = planes.length / components;
  for (let c = 0; c < components; c++) {
    for (let i = 0, to = c, from = c * voxels; i < voxels; i++, to += components) together[to] = planes[from + i]!;
  }
  return together;
}

function exactDoubles(stored: BigInt64Array | BigUint64Array, path: string): Float64Array {
  const values = new Float64Array(stored.length);
  for (let i = 0; i < stored.length; i++) {
    const value = Number(stored[i]!);
    if (!Number.isSafeInteger(value)) {
      throw new ImageFileError(path, `voxel ${i}`, `the 64-bit integer ${stored[i]} is too large to be held exactly`);
    }
    values[i] = value;
  }
  return values;
}

function swapBytes(buffer: ArrayBuffer, bytes: number): void {
  if (bytes === 1) return;
  const view = new Uint8Array(buffer);
  for (let first = 0; first + bytes <= view.length; first += bytes) {
    for (let a = first, b = first + bytes - 1; a < b; a++, b--) {
      const byte = view[a]!;
      view[a] = view[b]!;
      view[b] = byte;
    }
  }
}
