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
 * No axis gets shorter than the minimum edge, and one halving is always left: without it there would be no U-Net.
 *
 * A step first tries the reduction to learn the new divisibility, then shortens the real patch by that: fewer strides
 * may be left once an axis is shorter.
 *
 * @param start - the initial patch, voxels
 * @param medianShape - voxels, same axes
 * @param budget - largest estimate that fits
 * @returns the fit; its estimate exceeds the budget only if nothing was left to shorten
 * @see Isensee et al. 2021, Methods, "Adaptation to GPU memory budget"; docs/method.md §2.7
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
    const { patchSize } = topology;
    const coverage = patchSize.map((size, axis) => size / medianShape[axis]!);
    const step = firstPossible(longestFirst(coverage), topology, minimumEdge, topologyOf);
    if (!step) break;
    topology = step.topology;
    reductions.push({ patchSize, timesBudget: estimate / budget, axis: step.axis, coverage, next: topology.patchSize });
    estimate = estimateOf(topology);
  }
  return { topology, estimate, reductions };
}

/** The first of the axes that can be shortened, and the topology after it. */
function firstPossible(
  axes: readonly number[],
  { patchSize, divisibility }: Topology,
  minimumEdge: number,
  topologyOf: (patchSize: readonly number[]) => Topology,
): { axis: number; topology: Topology } | undefined {
  for (const axis of axes) {
    const trial = shortened(patchSize, axis, divisibility[axis]!);
    if (trial[axis]! <= 0) continue;
    const next = shortened(patchSize, axis, topologyOf(trial).divisibility[axis]!);
    if (next[axis]! < minimumEdge) continue;
    const topology = topologyOf(next);
    if (topology.strides.length > 1) return { axis, topology };
  }
  return undefined;
}

/** Axes by falling coverage, the last one first on ties. */
function longestFirst(coverage: readonly number[]): number[] {
  return coverage.map((_, axis) => axis).sort((a, b) => coverage[b]! - coverage[a]! || b - a);
}

function shortened(patchSize: readonly number[], axis: number, by: number): number[] {
  return patchSize.map((size, i) => (i === axis ? size - by : size));
}
