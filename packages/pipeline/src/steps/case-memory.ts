import {
  type CaseFiles,
  type Configuration,
  elementCount,
  type Geometry,
  memoryLimit,
  refuseBeyondMemory,
  type Shape3,
} from "@nnunet/core";
import { freeMemory } from "@nnunet/core/node";
import { type ImageWarning, readImageInfo, warnOfLabelElsewhere } from "@nnunet/io";
import { preprocessingBytes, resampledGrid } from "@nnunet/preprocess";

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
    const space: Shape3 = [shape[1], shape[2], shape[3]];
    largest = Math.max(largest, elementCount(space));
    for (const configuration of configurations) {
      largest = Math.max(
        largest,
        elementCount(resampledGrid(space, geometry.spacing, transposeForward, configuration)),
      );
    }
  }
  if (onWarning && files.label !== undefined && first) {
    const { geometry } = await readImageInfo(files.label, { onWarning });
    warnOfLabelElsewhere(files.label, geometry, first, files.images[0]!, { onWarning });
  }
  return preprocessingBytes(channels, largest);
}

/**
 * Refuses a case that alone would take more than is allowed, or free, before any is begun.
 *
 * @param work - "measuring", "preprocessing", "comparing"
 * @throws {LimitError}
 */
export function refuseLargeCases(
  work: string,
  cases: readonly { readonly id: string; readonly bytes: number }[],
  { maxMemoryGb }: { readonly maxMemoryGb?: number | undefined },
): void {
  const limit = memoryLimit(maxMemoryGb, freeMemory());
  for (const { id, bytes } of cases) {
    refuseBeyondMemory(`${work} case ${id}`, bytes, limit, "use a coarser configuration, take the case out");
  }
}
