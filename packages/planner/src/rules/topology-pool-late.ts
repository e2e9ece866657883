import { finishTopology, type TopologyRule } from "./topology.ts";

/**
 * The topology of nnU-Net v1's base planner, which made the paper's MSLesion (D15) networks: every axis is halved as
 * often as its size allows, the short ones last.
 *
 * @see docs/method.md §2.5 (c)
 */
export const poolLateTopology: TopologyRule = (initialSpacing, patchSize, minimumEdge) => {
  const spacing = [...initialSpacing];
  const coarsest = Math.max(...spacing);
  const poolsPerAxis = patchSize.map((size) => Math.max(0, Math.floor(Math.log2(size / minimumEdge))));
  const steps = Math.max(...poolsPerAxis);
  const pools: number[][] = [];
  const kernels: number[][] = [];
  for (let step = 0; step < steps; step++) {
    const reached = spacing.map((s) => s / coarsest > 0.5);
    kernels.push(reached.map((yes) => (reached.every(Boolean) || !yes ? 3 : 1)));
    pools.push(poolsPerAxis.map((n) => (n + step >= steps ? 2 : 1)));
    for (const [axis, pool] of pools[step]!.entries()) spacing[axis]! *= pool;
  }
  return finishTopology(patchSize, pools, kernels);
};
