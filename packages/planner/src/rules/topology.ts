/** How a U-Net shrinks its patch: one entry per resolution stage, highest resolution first. */
export interface Topology {
  /** Voxels, padded up to a multiple of `divisibility`. */
  readonly patchSize: readonly number[];
  /** First entry all 1. */
  readonly strides: readonly (readonly number[])[];
  readonly kernelSizes: readonly (readonly number[])[];
  /** Product of the strides of each axis: what the patch must be a multiple of. */
  readonly divisibility: readonly number[];
}

/**
 * Strides and kernels from the spacing and size of a patch.
 *
 * @param spacing - mm, [(z,) y, x]
 * @param patchSize - voxels, same axes; may be fractional, as nnU-Net v2's median shapes are
 * @param minimumEdge - voxels below which no feature map may shrink; 4 in nnU-Net
 */
export type TopologyRule = (spacing: readonly number[], patchSize: readonly number[], minimumEdge: number) => Topology;

/** What all rules end with: a bottleneck of full kernels, and the patch padded until every stride divides it. */
export function finishTopology(
  patchSize: readonly number[],
  pools: readonly (readonly number[])[],
  kernels: readonly (readonly number[])[],
): Topology {
  const divisibility = patchSize.map(() => 1);
  for (const pool of pools) for (let axis = 0; axis < pool.length; axis++) divisibility[axis]! *= pool[axis]!;
  return {
    patchSize: patchSize.map((size, axis) => Math.ceil(size / divisibility[axis]!) * divisibility[axis]!),
    strides: [patchSize.map(() => 1), ...pools],
    kernelSizes: [...kernels, patchSize.map(() => 3)],
    divisibility,
  };
}
