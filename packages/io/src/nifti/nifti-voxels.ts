import type { VoxelArray } from "@nnunet/core";
import { planar, storedVoxels } from "../voxels/stored-voxels.ts";
import type { NiftiHeader } from "./nifti-header.ts";

/**
 * The voxels of a file as the header means them: [channel, z, y, x], scaled where it says so.
 *
 * @param buffer - taken over
 */
export function decodeVoxels(buffer: ArrayBuffer, header: NiftiHeader, path: string): VoxelArray {
  const { dataType, littleEndian, scaling } = header;
  const stored = storedVoxels(buffer, dataType.stored, littleEndian, path);
  if (dataType.components > 1) return planar(stored, dataType.components);
  if (!scaling) return stored;
  const { slope, intercept } = scaling;
  const scaled = scaledType(header) === "float32" ? new Float32Array(stored.length) : new Float64Array(stored.length);
  for (let i = 0; i < stored.length; i++) scaled[i] = stored[i]! * slope + intercept;
  return scaled;
}

/** Scaled values become float32 (float64 if stored in 32 bits or more). */
export function scaledType({ dataType }: NiftiHeader): "float32" | "float64" {
  return dataType.bytes < 4 || dataType.name === "float32" ? "float32" : "float64";
}
