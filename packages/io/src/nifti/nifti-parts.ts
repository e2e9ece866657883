import { InvalidArgumentError, type Volume, type VolumeShape } from "@nnunet/core";
import { bytesOfArray } from "../voxels/stored-voxels.ts";
import { niftiCodeOf } from "./nifti-data-types.ts";
import { encodeNiftiHeader } from "./nifti-header.ts";

const longestAxis1 = 32767;

/** 1, or 2 where an axis has more voxels than NIfTI-1 can say. */
export function niftiVersionFor(shape: VolumeShape): 1 | 2 {
  return Math.max(...shape) > longestAxis1 ? 2 : 1;
}

/**
 * The two parts of a NIfTI image: its header and its voxels, in the array's own data type, without scaling. The voxels are
 * a view, nothing is copied.
 *
 * @param version - 1 by default, 2 where an axis has more voxels than NIfTI-1 can say
 * @param isPair - they go to two files
 */
export function niftiParts(
  { data, shape, geometry }: Volume,
  version: 1 | 2 = niftiVersionFor(shape),
  isPair = false,
): readonly [header: Uint8Array<ArrayBuffer>, voxels: Uint8Array<ArrayBuffer>] {
  if (version === 1 && Math.max(...shape) > longestAxis1) {
    throw new InvalidArgumentError("version", `2 for an axis of more than ${longestAxis1} voxels`, version);
  }
  return [encodeNiftiHeader(shape, geometry, niftiCodeOf(data), version, isPair), bytesOfArray(data)];
}
