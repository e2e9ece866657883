import { finishTopology, type TopologyRule } from "./topology.ts";

/**
 * nnU-Net v2's topology: as the paper's, but an axis that can shrink no more no longer holds back the others, and a
 * kernel that has grown to 3 stays 3.
 *
 * @see facts.md §2.5 (b)
 */
export const v2Topology: TopologyRule = (initialSpacing, patchSize, minimumEdge) => {
  const spacing = [...initialSpacing];
  const size = [...patchSize];
  const kernel = spacing.map(() => 1);
  const pools: number[][] = [];
  const kernels: number[][] = [];
  for (;;) {
    const large = size.map((s) => s >= 2 * minimumEdge);
    const finest = Math.min(...spacing.filter((_, axis) => large[axis]));
    const pooled = spacing.map((s, axis) => large[axis]! && s / finest < 2);
    const axes = size.filter((_, axis) => pooled[axis]);
    // a lone axis needs room for more than one voxel of context
    if (axes.length === 0 || (axes.length === 1 && axes[0]! < 3 * minimumEdge)) {
      return finishTopology(patchSize, pools, kernels);
    }
    const finestOfAll = Math.min(...spacing);
    for (const [axis, s] of spacing.entries()) if (s / finestOfAll < 2) kernel[axis] = 3;
    kernels.push([...kernel]);
    pools.push(pooled.map((yes) => (yes ? 2 : 1)));
    for (const [axis, yes] of pooled.entries()) {
      if (!yes) continue;
      spacing[axis]! *= 2;
      size[axis] = Math.ceil(size[axis]! / 2);
    }
  }
};
