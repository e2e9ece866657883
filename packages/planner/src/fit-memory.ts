import type { Topology } from "./topology.ts";

/** One step of the search for a patch that fits. */
export interface PatchReduction {
  /** The patch that was too large. */
  readonly patchSize: readonly number[];
  /** Its estimate over the budget; above 1. */
  readonly timesBudget: number;
  /** The axis that was longest relative to the median image. */
  readonly axis: number;
  /** Patch over median image, per axis. */
  readonly coverage: readonly number[];
  readonly next: readonly number[];
}

/** The largest patch that fits, and how it was found. */
export interface FittedPatch {
  readonly topology: Topology;
  /** Feature map elements of one sample. */
  readonly estimate: number;
  readonly reductions: readonly PatchReduction[];
}

/**
 * Shrinks a patch until its network fits the budget. Each step takes the axis that is longest relative to the median
 * image (the last one on ties) and shortens it by what that axis must be divisible by.
 *
 * A step first tries the reduction to learn the new divisibility, then shortens the real patch by that: fewer strides
 * may be left once an axis is shorter.
 *
 * @param start - the initial patch, voxels
 * @param medianShape - voxels, same axes
 * @param budget - largest estimate that fits
 * @returns the fit; its estimate exceeds the budget only if nothing was left to shorten
 * @see Isensee et al. 2021, Methods, "Adaptation to GPU memory budget"; facts.md §2.7
 */
export function fitPatch(
  start: readonly number[],
  medianShape: readonly number[],
  budget: number,
  minimumEdge: number,
  topologyOf: (patchSize: readonly number[]) => Topology,
  estimateOf: (topology: Topology) => number,
): FittedPatch {
  let topology = topologyOf(start);
  let estimate = estimateOf(topology);
  const reductions: PatchReduction[] = [];
  while (estimate > budget) {
    const { patchSize, divisibility } = topology;
    const coverage = patchSize.map((size, axis) => size / medianShape[axis]!);
    const axis = longestAxis(coverage, patchSize, divisibility, minimumEdge);
    if (axis === undefined) break;
    const trial = shortened(patchSize, axis, divisibility[axis]!);
    const next = shortened(patchSize, axis, topologyOf(trial).divisibility[axis]!);
    topology = topologyOf(next);
    reductions.push({ patchSize, timesBudget: estimate / budget, axis, coverage, next: topology.patchSize });
    estimate = estimateOf(topology);
  }
  return { topology, estimate, reductions };
}

/** The last of the axes with the largest coverage among those that can still be shortened. */
function longestAxis(
  coverage: readonly number[],
  patchSize: readonly number[],
  divisibility: readonly number[],
  minimumEdge: number,
): number | undefined {
  let longest: number | undefined;
  for (let axis = 0; axis < coverage.length; axis++) {
    if (patchSize[axis]! - divisibility[axis]! < minimumEdge) continue;
    if (longest === undefined || coverage[axis]! >= coverage[longest]!) longest = axis;
  }
  return longest;
}

function shortened(patchSize: readonly number[], axis: number, by: number): number[] {
  return patchSize.map((size, i) => (i === axis ? size - by : size));
}
