import type { CaseFiles, Configuration, Geometry } from "@nnunet/core";
import { type ImageWarning, readImageInfo, warnOfLabelElsewhere } from "@nnunet/io";

/** Preprocessing holds at most this many float32 copies of the larger of its input and its output. */
const COPIES = 3;

/**
 * What reading and preprocessing a case takes at its peak, from the headers alone.
 *
 * @param configurations - whose target grids count; none for the fingerprint, which only reads
 * @param onWarning - hears what is odd about the headers
 * @returns bytes
 */
export async function caseBytes(
  files: CaseFiles,
  transposeForward: readonly number[],
  configurations: readonly Configuration[],
  onWarning?: (warning: ImageWarning) => void,
): Promise<number> {
  let channels = 0;
  let largest = 0;
  let first: Geometry | undefined;
  for (const path of files.images) {
    const { shape, geometry } = await readImageInfo(path, onWarning ? { onWarning } : {});
    first ??= geometry;
    channels += shape[0];
    const extent = transposeForward.map((axis) => shape[axis + 1]!);
    const spacing = transposeForward.map((axis) => geometry.spacing[axis]!);
    largest = Math.max(largest, shape[1] * shape[2] * shape[3]);
    for (const { spacing: target } of configurations) {
      const skipped = 3 - target.length; // a 2D configuration keeps the slices
      let voxels = 1;
      for (let axis = 0; axis < 3; axis++) {
        voxels *=
          axis < skipped ? extent[axis]! : Math.ceil((extent[axis]! * spacing[axis]!) / target[axis - skipped]!);
      }
      largest = Math.max(largest, voxels);
    }
  }
  if (onWarning && files.label !== undefined && first) {
    const { geometry } = await readImageInfo(files.label, { onWarning });
    warnOfLabelElsewhere(files.label, geometry, first, files.images[0]!, { onWarning });
  }
  return COPIES * 4 * (channels + 1) * largest;
}
