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
