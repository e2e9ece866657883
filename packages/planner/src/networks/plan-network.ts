import { elementCount, InvalidArgumentError } from "@nnunet/core";
import { type ChosenBatch, chooseBatch, patchBudget } from "../rules/batch-size.ts";
import type { Blueprint } from "../rules/blueprint.ts";
import { type FittedPatch, fitPatch } from "../rules/fit-memory.ts";
import { featuresPerStage } from "../rules/memory-estimate.ts";
import type { RuleSet } from "../rules/rule-sets.ts";
import type { Topology } from "../rules/topology.ts";

const maximumStages = 64;

/** What does not change between the networks of one plan. */
export interface PlanningContext {
  readonly ruleSet: RuleSet;
  readonly blueprint: Blueprint;
  readonly gpuMemoryGb: number;
  readonly inputChannels: number;
  readonly labels: number;
  readonly cases: number;
}

/** The data that a network is planned for; axes after transposition, [(z,) y, x]. */
export interface NetworkTask {
  /** "2d", "3d_fullres" or "3d_lowres" */
  readonly configuration: string;
  readonly spacing: readonly number[];
  readonly medianShape: readonly number[];
  /** Voxels of all training cases after resampling. */
  readonly datasetVoxels: number;
}

/** A network, and everything that led to it. */
export interface PlannedNetwork extends NetworkTask {
  readonly initialPatch: readonly number[];
  /** Largest estimate that fits, feature map elements of one sample. */
  readonly budget: number;
  readonly fitted: FittedPatch;
  readonly batch: ChosenBatch;
  readonly featuresPerStage: readonly number[];
  readonly convsPerStage: readonly number[];
  readonly convsPerStageDecoder: readonly number[];
}

/**
 * The network for one kind of data: as large a patch as memory allows, the strides and kernels that follow from it, and
 * a batch that fills the rest.
 *
 * @throws {InvalidArgumentError} if the memory budget is too small for any patch
 * @see Isensee et al. 2021, Methods, "Adaptation of network topology, patch size and batch size"; Figure E.1 a
 */
export function planNetwork(task: NetworkTask, context: PlanningContext): PlannedNetwork {
  const { ruleSet, blueprint, gpuMemoryGb, inputChannels, labels } = context;
  const { spacing, medianShape } = task;
  const flat = spacing.length === 2;
  const rules = flat ? ruleSet.network2d : ruleSet.network3d;
  const maximumFeatures = flat ? blueprint.maximumFeatures2d : blueprint.maximumFeatures3d;
  const topologyOf = (patchSize: readonly number[]) =>
    rules.topology(spacing, patchSize, blueprint.minimumFeatureMapEdge);
  const initialPatch = withOneHalving(
    rules.initialPatch(spacing, medianShape),
    spacing,
    blueprint.minimumFeatureMapEdge,
    topologyOf,
  );
  const budget = patchBudget(rules.memory, gpuMemoryGb, blueprint.minimumBatchSize);
  // no patch allows more stages; the estimate reads as many entries as it has stages
  const convs = repeatLast(blueprint.convsPerStage, maximumStages);
  const convsDecoder = repeatLast(blueprint.convsPerStageDecoder, maximumStages);
  const fitted = fitPatch(initialPatch, medianShape, budget, blueprint.minimumFeatureMapEdge, topologyOf, (topology) =>
    rules.estimate({
      topology,
      kind: blueprint.architecture,
      convsPerStage: convs,
      convsPerStageDecoder: convsDecoder,
      baseFeatures: blueprint.baseFeatures,
      maximumFeatures,
      inputChannels,
      labels,
    }),
  );
  const { patchSize, strides } = fitted.topology;
  if (fitted.estimate > budget) {
    const needed = Number((gpuMemoryGb * (fitted.estimate / budget)).toPrecision(3));
    const what = `at least ${needed}, for the smallest patch of ${task.configuration} ([${patchSize.join(", ")}] voxels)`;
    throw new InvalidArgumentError("gpuMemoryGb", what, gpuMemoryGb);
  }
  const patchVoxels = elementCount(patchSize);
  return {
    ...task,
    initialPatch,
    budget,
    fitted,
    batch: chooseBatch(fitted.estimate, rules.memory, gpuMemoryGb, patchVoxels, task.datasetVoxels, blueprint),
    featuresPerStage: featuresPerStage(strides.length, blueprint.baseFeatures, maximumFeatures),
    convsPerStage: convs.slice(0, strides.length),
    convsPerStageDecoder: convsDecoder.slice(0, strides.length - 1),
  };
}

/**
 * The patch, enlarged where the images are too small to be halved even once: a U-Net has at least two resolutions.
 * Images are padded with zeros to the size of the patch. (nnU-Net itself then plans a network that cannot be built.)
 */
function withOneHalving(
  patchSize: readonly number[],
  spacing: readonly number[],
  minimumEdge: number,
  topologyOf: (patchSize: readonly number[]) => Topology,
): readonly number[] {
  const finest = Math.min(...spacing);
  const enlarged = (edge: number) =>
    patchSize.map((size, i) => (spacing[i]! / finest < 2 ? Math.max(size, edge) : size));
  // nnU-Net v2's rule wants a lone axis to have three times the minimum
  const tries = [patchSize, enlarged(2 * minimumEdge), enlarged(3 * minimumEdge)];
  return tries.find((patch) => topologyOf(patch).strides.length > 1) ?? patchSize;
}

/** `repeatLast([1, 3, 4, 6], 6)` → [1, 3, 4, 6, 6, 6] */
function repeatLast(values: readonly number[], length: number): number[] {
  return Array.from({ length }, (_, i) => values[Math.min(i, values.length - 1)]!);
}
