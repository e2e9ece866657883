import { type DatasetJson, labelSet } from "@nnunet/core";
import type { MemoryReference } from "./batch-size.ts";
import { type Blueprint, paperBlueprint, v2Blueprint } from "./blueprint.ts";
import { cubeOfVoxels, type InitialPatchRule, medianImagePatch, paperCubePatch } from "./initial-patch-size.ts";
import type { IntensityWeights } from "./intensity-statistics.ts";
import { featureMapEstimate, type MemoryEstimate, paperEstimate } from "./memory-estimate.ts";
import type { TopologyRule } from "./topology.ts";
import { paperTopology } from "./topology-paper.ts";
import { v2Topology } from "./topology-v2.ts";

/** The rules that make one network, 2D or 3D. */
export interface NetworkRules {
  readonly initialPatch: InitialPatchRule;
  readonly topology: TopologyRule;
  readonly estimate: MemoryEstimate;
  readonly memory: MemoryReference;
}

/** Details of the search for the low-resolution spacing. */
export interface LowResolutionRules {
  /** The search counts whole voxels per axis, rounded down (paper-era code). */
  readonly truncateShape: boolean;
  /** The dataset's voxels at low resolution are counted with the rounded median shape (paper-era code). */
  readonly countRoundedShape: boolean;
  /** Exactly the minimum shrinkage is not enough (paper-era code). */
  readonly dropAtMinimumShrinkage: boolean;
}

/** A named set of rules and constants: what turns a fingerprint into plans. */
export interface RuleSet {
  readonly name: string;
  /** What it is, in one sentence for a person. */
  readonly title: string;
  /** Goes into plans.json; for nnU-Net v2's planners its class name there, so that Python finds it. */
  readonly plannerName: string;
  /** GPU memory that it plans for unless told otherwise, GB. */
  readonly gpuMemoryGb: number;
  readonly blueprint: Blueprint;
  /** Which other spacing the coarsest is compared with to call data anisotropic. */
  readonly anisotropyComparedWith: "finest" | "second coarsest";
  /** The resampled shape of every case is rounded before the median is taken, and the median is not (nnU-Net v2). */
  readonly roundEachCase: boolean;
  /** 2D networks take the plain median spacing, not the in-plane part of the 3D target. */
  readonly medianSpacingFor2d: boolean;
  readonly lowResolution: LowResolutionRules;
  /** Cases are counted in the fingerprint, or taken from `numTraining` of dataset.json. */
  readonly caseCount: "fingerprint" | "numTraining";
  /** Output maps that the memory estimate counts. */
  readonly countLabels: (dataset: DatasetJson) => number;
  /** Of what the foreground's intensities are, by which CT is normalised. */
  readonly intensityWeights: IntensityWeights;
  /** The mask is used at the threshold too ("25 % or more"), not only below it. */
  readonly maskAtThreshold: boolean;
  /** Plans name whose preprocessed 2D and full-resolution data is the same, so can be shared. */
  readonly sharesDataWith?: string;
  readonly network2d: NetworkRules;
  readonly network3d: NetworkRules;
}

const paper: RuleSet = {
  name: "paper",
  title: "the rules of the nnU-Net paper (Isensee et al. 2021) and of the code that made its tables",
  plannerName: "nnunet-ts paper",
  gpuMemoryGb: 11,
  blueprint: paperBlueprint,
  anisotropyComparedWith: "finest",
  roundEachCase: false,
  medianSpacingFor2d: true,
  lowResolution: { truncateShape: true, countRoundedShape: true, dropAtMinimumShrinkage: true },
  caseCount: "fingerprint",
  countLabels: (dataset) => {
    const { regions, foreground } = labelSet(dataset);
    return regions ? regions.length : foreground.length + 1;
  },
  intensityWeights: "voxels",
  maskAtThreshold: true,
  network2d: {
    initialPatch: medianImagePatch,
    topology: paperTopology,
    // the code counted the 2D network with 30 base features and built it with 32
    estimate: paperEstimate(30 / 32),
    memory: { elements: 19_739_648, batch: 50, gigabytes: 11, rounding: "floor" },
  },
  network3d: {
    initialPatch: paperCubePatch,
    topology: paperTopology,
    estimate: paperEstimate(1),
    memory: { elements: (520e6 * 32) / 30, batch: 2, gigabytes: 11, rounding: "floor" },
  },
};

/** nnU-Net v2's planners differ in their references alone (docs/method.md §2.7). */
function v2RuleSet(
  own: Pick<RuleSet, "name" | "title" | "plannerName" | "gpuMemoryGb" | "blueprint" | "sharesDataWith">,
  elements: { two: number; three: number },
  batchThatMustFit2d?: number,
): RuleSet {
  const gigabytes = own.gpuMemoryGb;
  const common = { topology: v2Topology, estimate: featureMapEstimate };
  return {
    ...own,
    anisotropyComparedWith: "second coarsest",
    roundEachCase: true,
    medianSpacingFor2d: false,
    lowResolution: { truncateShape: false, countRoundedShape: false, dropAtMinimumShrinkage: false },
    caseCount: "numTraining",
    countLabels: (dataset) => Object.keys(dataset.labels).length,
    intensityWeights: "cases",
    maskAtThreshold: false,
    network2d: {
      ...common,
      initialPatch: cubeOfVoxels(2048 ** 2),
      memory: {
        elements: elements.two,
        batch: 12,
        gigabytes,
        rounding: "half-even",
        ...(batchThatMustFit2d !== undefined && { batchThatMustFit: batchThatMustFit2d }),
      },
    },
    network3d: {
      ...common,
      initialPatch: cubeOfVoxels(256 ** 3),
      memory: { elements: elements.three, batch: 2, gigabytes, rounding: "half-even" },
    },
  };
}

const residualBlueprint = (plansName: string): Blueprint => ({
  ...v2Blueprint,
  architecture: "residual",
  convsPerStage: [1, 3, 4, 6],
  convsPerStageDecoder: [1],
  // the presets do not cap the batch by the size of the dataset
  maximumBatchFraction: 1,
  plansName,
});

function residualPreset(
  size: "M" | "L" | "XL",
  gpuMemoryGb: number,
  elements: { two: number; three: number },
): RuleSet {
  const own = {
    name: `resenc-${size.toLowerCase()}`,
    title: `nnU-Net v2's residual encoder preset ${size}, for a GPU of ${gpuMemoryGb} GB`,
    plannerName: `nnUNetPlannerResEnc${size}`,
    gpuMemoryGb,
    blueprint: residualBlueprint(`nnUNetResEncUNet${size}Plans`),
    sharesDataWith: "nnUNetPlans",
  };
  return v2RuleSet(own, elements, 12);
}

const v2 = v2RuleSet(
  {
    name: "v2",
    title: "the default planner of nnU-Net v2",
    plannerName: "ExperimentPlanner",
    gpuMemoryGb: 8,
    blueprint: v2Blueprint,
  },
  { two: 85e6, three: 560e6 },
);

/** The rule sets by name. */
export const ruleSets: Readonly<Record<string, RuleSet>> = {
  paper,
  v2,
  "resenc-m": residualPreset("M", 8, { two: 135e6, three: 680e6 }),
  "resenc-l": residualPreset("L", 24, { two: 380e6, three: 2100e6 }),
  "resenc-xl": residualPreset("XL", 40, { two: 560e6, three: 3600e6 }),
};
