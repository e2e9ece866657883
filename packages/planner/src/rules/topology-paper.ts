import { finishTopology, type TopologyRule } from "./topology.ts";

/**
 * The paper's topology: the finest axes are halved until the coarser ones are within a factor of 2, then all together;
 * an axis stops when halving would bring it below the minimum edge.
 *
 * The paper-era code halves sizes as exact fractions; later versions of nnU-Net v1 round up (`halve`).
 *
 * @see Isensee et al. 2021, Methods, "Architecture topology"; docs/method.md §2.5 (a)
 */
function paperTopologyWith(halve: (size: number) => number): TopologyRule {
  return (initialSpacing, patchSize, minimumEdge) => {
    const spacing = [...initialSpacing];
    const size = [...patchSize];
    const pools: number[][] = [];
    const kernels: number[][] = [];
    for (;;) {
      let finest = Number.POSITIVE_INFINITY;
      for (const s of spacing) if (s < finest) finest = s;
      const pool: number[] = [];
      let any = false;
      for (let axis = 0; axis < spacing.length; axis++) {
        const halved = spacing[axis]! / finest < 2 && size[axis]! >= 2 * minimumEdge;
        pool.push(halved ? 2 : 1);
        any ||= halved;
      }
      if (!any) return finishTopology(patchSize, pools, kernels);
      kernels.push(kernelOverSimilarAxes(spacing));
      pools.push(pool);
      for (let axis = 0; axis < spacing.length; axis++) {
        if (pool[axis] === 1) continue;
        spacing[axis]! *= 2;
        size[axis] = halve(size[axis]!);
      }
    }
  };
}

/** 3 along the (first) largest group of axes whose spacings are within a factor of 2 of each other, 1 along the rest. */
function kernelOverSimilarAxes(spacing: readonly number[]): number[] {
  let kernel: number[] = [];
  let largest = 0;
  for (const own of spacing) {
    const candidate: number[] = [];
    let members = 0;
    for (const other of spacing) {
      const similar = other / own < 2 && own / other < 2;
      candidate.push(similar ? 3 : 1);
      if (similar) members++;
    }
    if (members > largest) {
      largest = members;
      kernel = candidate;
    }
  }
  return kernel;
}

export const paperTopology = paperTopologyWith((size) => size / 2);
/** The same in the last versions of nnU-Net v1. */
export const v1Topology = paperTopologyWith((size) => Math.ceil(size / 2));
