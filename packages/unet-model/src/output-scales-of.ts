import type { NetworkGraph } from "./network-graph.ts";

/**
 * Size of each output of a graph relative to the patch, as `outputScales` says it of an architecture.
 *
 * @example outputScalesOf(graph); // [[1, 1, 1], [0.5, 0.5, 0.5]]
 */
export function outputScalesOf({ input, outputs }: NetworkGraph): number[][] {
  return outputs.map(({ spatial }) => spatial.map((n, axis) => n / input.spatial[axis]!));
}
