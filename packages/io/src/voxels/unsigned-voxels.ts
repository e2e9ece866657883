import { UnsupportedError, type VoxelArray } from "@nnunet/core";

/**
 * The same values as uint8, or as uint16 where one needs it: what picture formats hold.
 *
 * @throws {UnsupportedError} if a value is not a whole number from 0 to 65535
 */
export function narrowestUnsigned(data: VoxelArray, format: string): Uint8Array | Uint16Array {
  if (data instanceof Uint8Array) return data;
  let largest = 0;
  for (let i = 0; i < data.length; i++) {
    const value = data[i]!;
    if (!(Number.isInteger(value) && value >= 0 && value <= 65535)) {
      throw new UnsupportedError(`the value ${value} in a ${format} file`, "write .nii.gz, which holds any number");
    }
    if (value > largest) largest = value;
  }
  return largest < 256 ? Uint8Array.from(data) : Uint16Array.from(data);
}

/**
 * Whole numbers that all lie in 0–65535 as uint8, or as uint16 where one needs it; anything else as it is.
 */
export function narrowestIntegers(data: VoxelArray): VoxelArray {
  if (data instanceof Float32Array || data instanceof Float64Array || data instanceof Uint8Array) return data;
  let [smallest, largest] = [0, 0];
  for (let i = 0; i < data.length; i++) {
    const value = data[i]!;
    if (value < smallest) smallest = value;
    if (value > largest) largest = value;
  }
  if (smallest < 0 || largest > 65535) return data;
  return largest < 256 ? Uint8Array.from(data) : data instanceof Uint16Array ? data : Uint16Array.from(data);
}
