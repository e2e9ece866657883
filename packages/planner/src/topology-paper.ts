import { finishTopology, type TopologyRule } from "./topology.ts";

/**
 * The paper's topology: the finest axes are halved until the coarser ones are within a factor of 2, then all together;
 * an axis stops when halving would bring it below the minimum edge.
 *
 * The paper-era code halves sizes as exact fractions; later versions of nnU-Net v1 round up (`halve`).
 *
 * @see Isensee et al. 2021, Methods, "Architecture topology"; facts.md §2.5 (a)
 */
function paperTopologyWith(halve: (size: number) => number): TopologyRule {
  return (initialSpacing, patchSize, minimumEdge) => {
    const spacing = [...initialSpacing];
    const size = [...patchSize];
    const pools: number[][] = [];
    const kernels: number[][] = [];
    for (;;) {
      const finest = Math.min(...spacing);
      const pooled = spacing.map((s, axis) => s / finest < 2 && size[axis]! >= 2 * minimumEdge);
      if (!pooled.some(Boolean)) return finishTopology(patchSize, pools, kernels);
      kernels.push(kernelOverSimilarAxes(spacing));
      pools.push(pooled.map((yes) => (yes ? 2 : 1)));
      for (const [axis, yes] of pooled.entries()) {
        if (!yes) continue;
        spacing[axis]! *= 2;
        size[axis] = halve(size[axis]!);
      }
    }
  };
}

/** 3 along the largest group of axes whose spacings are within a factor of 2 of each other, 1 along the rest. */
function kernelOverSimilarAxes(spacing: readonly number[]): number[] {
  let largest: boolean[] = [];
  for (const own of spacing) {
    const similar = spacing.map((other) => other / own < 2 && own / other < 2);
    if (count(similar) > count(largest)) largest = similar;
  }
  return spacing.map((_, axis) => (largest[axis] ? 3 : 1));
}

function count(flags: readonly boolean[]): number {
  return flags.filter(Boolean).length;
}

export const paperTopology = paperTopologyWith((size) => size / 2);
/** The same in the last versions of nnU-Net v1. */
export const v1Topology = paperTopologyWith((size) => Math.ceil(size / 2));
