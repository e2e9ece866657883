import { finishTopology, type TopologyRule } from "./topology.ts";

/**
 * nnU-Net v2's topology: as the paper's, but an axis that can shrink no more no longer holds back the others, and a
 * kernel that has grown to 3 stays 3.
 *
 * @see docs/method.md §2.5 (b)
 */
export const v2Topology: TopologyRule = (initialSpacing, patchSize, minimumEdge) => {
  const spacing = [...initialSpacing];
  const size = [...patchSize];
  const kernel = spacing.map(() => 1);
  const pools: number[][] = [];
  const kernels: number[][] = [];
  for (;;) {
    let finest = Number.POSITIVE_INFINITY; // of the axes that are long enough to be halved
    let finestOfAll = Number.POSITIVE_INFINITY;
    for (let axis = 0; axis < spacing.length; axis++) {
      finestOfAll = Math.min(finestOfAll, spacing[axis]!);
      if (size[axis]! >= 2 * minimumEdge) finest = Math.min(finest, spacing[axis]!);
    }
    const pool: number[] = [];
    let halved = 0;
    let lastHalved = 0;
    for (let axis = 0; axis < spacing.length; axis++) {
      const yes = size[axis]! >= 2 * minimumEdge && spacing[axis]! / finest < 2;
      pool.push(yes ? 2 : 1);
      if (!yes) continue;
      halved++;
      lastHalved = axis;
    }
    // a lone axis needs room for more than one voxel of context
    if (halved === 0 || (halved === 1 && size[lastHalved]! < 3 * minimumEdge)) {
      return finishTopology(patchSize, pools, kernels);
    }
    for (let axis = 0; axis < spacing.length; axis++) if (spacing[axis]! / finestOfAll < 2) kernel[axis] = 3;
    kernels.push([...kernel]);
    pools.push(pool);
    for (let axis = 0; axis < spacing.length; axis++) {
      if (pool[axis] === 1) continue;
      spacing[axis]! *= 2;
      size[axis] = Math.ceil(size[axis]! / 2);
    }
  }
};
