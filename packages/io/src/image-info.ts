import type { Geometry, VolumeShape } from "@nnunet/core";

/** What can be said of an image without its voxels. */
export interface ImageInfo {
  /** [channel, z, y, x] */
  readonly shape: VolumeShape;
  readonly geometry: Geometry;
  /** Element type of the array that reading gives, NumPy's name: "int16", "float32". */
  readonly dataType: string;
  /** "NIfTI-1", "NIfTI-2", "NRRD", … */
  readonly format: string;
}

/** "the header promises 5 × 4 × 3 voxels × 2 channels of int16": the beginning of every complaint about a file's size. */
export function promiseOf([channels, nz, ny, nx]: VolumeShape, type: string): string {
  return `the header promises ${nx} × ${ny} × ${nz} voxels${channels > 1 ? ` × ${channels} channels` : ""} of ${type}`;
}
