import { ImageFileError, type VoxelArray } from "@nnunet/core";
import type { PixelFormat } from "./pixel-format.ts";
import { memoryFor } from "../voxels/memory-for.ts";
import { arrayTypeOf, bytesOf, type StoredType, storedVoxels } from "../voxels/stored-voxels.ts";

/** NumPy's name of the numbers in the file, each as wide as it is stored. */
export function storedTypeOf({ bitsAllocated, signed, kind }: PixelFormat): StoredType {
  if (kind !== "integer") return kind;
  return `${signed ? "int" : "uint"}${Math.max(8, bitsAllocated)}` as StoredType;
}

/** The type of the array that {@link nativePixels} gives. */
export function decodedTypeOf(format: PixelFormat): StoredType {
  return arrayTypeOf(storedTypeOf(format));
}

/**
 * The numbers in the bytes of uncompressed pixels: bits above and below the stored ones (overlays, noise) are dropped,
 * signs extended. What pydicom and gdcm do.
 *
 * @param bytes - taken over
 */
export function nativePixels(bytes: ArrayBuffer, format: PixelFormat, littleEndian: boolean, path: string): VoxelArray {
  return storedBitsOnly(storedVoxels(bytes, storedTypeOf(format), littleEndian, path), format, path);
}

/** Single bits, the lowest of a byte first. @param firstBit - frames are not aligned to bytes */
export function unpackBits(bytes: Uint8Array, firstBit: number, count: number): Uint8Array {
  const bits = new Uint8Array(count);
  for (let i = 0, at = firstBit; i < count; i++, at++) bits[i] = (bytes[at >> 3]! >> (at & 7)) & 1;
  return bits;
}

/** Cuts every number to the bits from HighBit downwards, in place. */
export function storedBitsOnly(
  pixels: VoxelArray,
  { bitsAllocated, bitsStored, highBit, signed, kind }: PixelFormat,
  path: string,
): VoxelArray {
  if (kind !== "integer" || bitsAllocated === 1) return pixels;
  if (bitsStored === bitsAllocated) return pixels;
  if (bitsAllocated === 64) {
    throw new ImageFileError(path, "BitsStored", `expected 64 as BitsAllocated, got ${bitsStored}`);
  }
  const left = 31 - highBit;
  const right = 32 - bitsStored;
  if (signed) for (let i = 0; i < pixels.length; i++) pixels[i] = (pixels[i]! << left) >> right;
  else for (let i = 0; i < pixels.length; i++) pixels[i] = (pixels[i]! << left) >>> right;
  return pixels;
}

/** Zeros of a type; 64-bit integers are held as float64. @param promise - what asks for so many, for the error */
export function arrayOfType(type: StoredType, length: number, path: string, promise: string): VoxelArray {
  const held = arrayTypeOf(type);
  return storedVoxels(memoryFor(path, length * bytesOf[held], promise), held, true, path);
}
