import { type Configuration, type Decision, elementCount } from "@nnunet/core";
import { counted, factor, percent, short, times } from "./formatting.ts";
import type { PlannedNetwork, PlanningContext } from "../networks/plan-network.ts";

/** The decisions that made one network, in the order in which they were taken. */
export function decideNetwork(
  network: PlannedNetwork,
  configuration: Configuration,
  context: PlanningContext,
): Decision[] {
  return [
    decideMedianShape(network, context),
    decideInitialPatch(network),
    decidePatch(network, context),
    decideTopology(network, context),
    decideFeatures(network, context),
    decideBatch(network, context),
    ...(network.spacing.length === 3 ? [decideDummy2d(network, configuration, context)] : []),
    decideBatchDice(network, configuration),
  ];
}

function decideMedianShape(network: PlannedNetwork, { cases }: PlanningContext): Decision {
  const { configuration, spacing, medianShape, datasetVoxels } = network;
  const slice = spacing.length === 2 ? "slice" : "image";
  return {
    configuration,
    rule: "median-shape",
    source: "paper, Methods, Adaptation of network topology; docs/method.md §2.3",
    inputs: {
      ...(configuration === "3d_lowres" ? { lowResolutionSpacing: spacing } : { targetSpacing: spacing }),
      numberOfCases: cases,
    },
    result: { medianShape, datasetVoxels },
    rejected: [],
    text: `At ${times(spacing)} mm the typical (median) ${slice} has ${times(medianShape)} voxels; all ${counted(cases, "training case")} together have about ${short(Math.round(datasetVoxels))}.`,
  };
}

function decideInitialPatch({ configuration, spacing, medianShape, initialPatch }: PlannedNetwork): Decision {
  const enlarged = initialPatch.some((extent, axis) => extent > medianShape[axis]!);
  const whole = initialPatch.every((extent, axis) => extent >= medianShape[axis]!);
  return {
    configuration,
    rule: "initial-patch-size",
    source: "paper, Methods, Initialization; docs/method.md §2.4",
    inputs: { spacing, medianShape },
    result: initialPatch,
    rejected: [],
    text: enlarged
      ? `A network learns from pieces of images, called patches. The typical image is too small to be halved even once, so the patch is larger, ${times(initialPatch)} voxels; images are padded with zeros.`
      : whole
        ? "A network learns from pieces of images, called patches; the more a patch shows, the better. The search begins with the whole typical image."
        : `A network learns from pieces of images, called patches. The search begins with ${times(initialPatch)} voxels, a large piece that is as long in millimetres along each axis as the image allows.`,
  };
}

function decidePatch(network: PlannedNetwork, { inputChannels, labels, blueprint }: PlanningContext): Decision {
  const { configuration, initialPatch, medianShape, budget, fitted } = network;
  const { patchSize, divisibility } = fitted.topology;
  const used = fitted.estimate / budget;
  const coverage = elementCount(patchSize) / elementCount(medianShape);
  const padded = `rounded up to ${times(patchSize)} so that every halving in the network comes out even`;
  const needs = `needs ${percent(used)} of the memory`;
  const text =
    fitted.reductions.length === 0
      ? `The patch fits at once: ${padded}, it ${needs}.`
      : `${times(fitted.reductions[0]!.patchSize)} voxels would need ${factor(fitted.reductions[0]!.timesBudget)} times the memory, so the patch is shortened step by step, always along the axis that shows most of the typical image. ` +
        `After ${counted(fitted.reductions.length, "step")} ${times(patchSize)} voxels fit: this ${needs} and shows ${percent(Math.min(coverage, 1))} of the typical image.`;
  return {
    configuration,
    rule: "patch-size",
    source: "paper, Methods, Adaptation to GPU memory budget; Figure E.1 a; docs/method.md §2.7",
    inputs: {
      initialPatchSize: initialPatch,
      medianShape,
      memoryBudget: budget,
      inputChannels,
      labels,
      architecture: blueprint.architecture,
      baseFeatures: blueprint.baseFeatures,
      convsPerStage: blueprint.convsPerStage,
      convsPerStageDecoder: blueprint.convsPerStageDecoder,
      minimumFeatureMapEdge: blueprint.minimumFeatureMapEdge,
    },
    result: { patchSize, divisibility, memoryEstimate: fitted.estimate },
    rejected: fitted.reductions.map(({ patchSize: tried, timesBudget, axis, coverage: covered, next }) => ({
      alternative: tried,
      reason:
        `needs ${factor(timesBudget)}× the budget; largest axis relative to the median is axis ${axis} ` +
        `(${percent(covered[axis]!)}), −${tried[axis]! - next[axis]!}`,
    })),
    text,
  };
}

function decideTopology(network: PlannedNetwork, { blueprint }: PlanningContext): Decision {
  const { configuration, spacing, fitted } = network;
  const { patchSize, strides, kernelSizes, divisibility } = fitted.topology;
  const bottom = patchSize.map((extent, axis) => extent / divisibility[axis]!);
  const flatStages = kernelSizes.filter((kernel) => kernel.includes(1)).length;
  const uneven = strides.slice(1).filter((stride) => stride.includes(1)).length;
  const halvings = strides.length - 1;
  const parts = [
    `The network looks at the patch at ${counted(strides.length, "resolution")}, halving it ${halvings === 1 ? "once" : `${halvings} times`} down to ${times(bottom)} voxels; no axis that is halved falls below ${blueprint.minimumFeatureMapEdge}.`,
  ];
  if (uneven > 0) {
    parts.push(
      `${halvings === 1 ? "In this halving" : uneven === halvings ? "In all halvings" : `In ${uneven} of the ${halvings} halvings`} some axes stay as they are: finer axes are halved first until all voxels are about as long as wide (within a factor of 2), and short axes stop early.`,
    );
  }
  if (flatStages > 0) {
    parts.push(
      `At the ${flatStages === 1 ? "highest resolution" : `${flatStages} highest resolutions`} its filters do not look across the coarse axis (kernel 1 instead of 3), because neighbours there are too far apart.`,
    );
  }
  return {
    configuration,
    rule: "network-topology",
    source: "paper, Methods, Architecture topology; docs/method.md §2.5",
    inputs: { patchSize, spacing, minimumFeatureMapEdge: blueprint.minimumFeatureMapEdge },
    result: { strides, kernelSizes },
    rejected: [],
    text: parts.join(" "),
  };
}

function decideFeatures(network: PlannedNetwork, { blueprint }: PlanningContext): Decision {
  const { configuration, featuresPerStage, convsPerStage, convsPerStageDecoder, spacing } = network;
  const maximum = spacing.length === 2 ? blueprint.maximumFeatures2d : blueprint.maximumFeatures3d;
  const { architecture, baseFeatures } = blueprint;
  const block = architecture === "plain" ? "convolutions" : "residual blocks";
  return {
    configuration,
    rule: "feature-maps",
    source: "paper, Methods, Architecture template; docs/method.md §2.7",
    inputs: {
      baseFeatures,
      maximumFeatures: maximum,
      architecture,
      resolutions: featuresPerStage.length,
      convsPerStage: blueprint.convsPerStage,
      convsPerStageDecoder: blueprint.convsPerStageDecoder,
    },
    result: { featuresPerStage, convsPerStage, convsPerStageDecoder },
    rejected: [],
    text:
      `It begins with ${baseFeatures} filters and doubles them at each lower resolution, up to ${maximum}: ${featuresPerStage.join(", ")}. ` +
      `Each resolution has ${same(convsPerStage)} ${block} on the way down and ${same(convsPerStageDecoder)} on the way up.`,
  };
}

/** "2", or "1, 3, 4" where they differ. */
function same(values: readonly number[]): string {
  return new Set(values).size === 1 ? String(values[0]) : values.length === 0 ? "no" : values.join(", ");
}

function decideBatch(network: PlannedNetwork, { blueprint, gpuMemoryGb, cases }: PlanningContext): Decision {
  const { configuration, fitted, datasetVoxels, batch } = network;
  const { patchSize } = fitted.topology;
  const { maximumBatchFraction, minimumBatchSize } = blueprint;
  const { batchSize, memoryAllows, datasetAllows } = batch;
  const patchVoxels = elementCount(patchSize);
  const exact = (maximumBatchFraction * datasetVoxels) / patchVoxels;
  const casesPerSample = cases / exact;
  const cap =
    `to keep the network from learning the training cases by heart, a batch may hold at most ${percent(maximumBatchFraction)} of their voxels: ` +
    `${short(Math.round(maximumBatchFraction * datasetVoxels))} of ${short(Math.round(datasetVoxels))} (${counted(cases, "case")}), ` +
    `which is ${factor(exact)} patches of ${short(patchVoxels)} voxels`;
  const memory = `The memory would allow ${counted(memoryAllows, "patch", "patches")}`;
  const begin = "The network corrects itself after each batch of patches. ";
  const limitedByData = datasetAllows < memoryAllows && batchSize === datasetAllows;
  const text =
    batchSize > Math.min(memoryAllows, datasetAllows)
      ? `${begin}${memory}; ${cap}. The smaller of the two is below the minimum of ${minimumBatchSize}, so the batch has ${batchSize}.`
      : limitedByData
        ? `${begin}${memory}, but ${cap}. So the batch has ${batchSize}. The cap grows with the number of cases: about ${factor(casesPerSample)} more allow one patch more.`
        : `${begin}${memory}, and that is the batch: ${batchSize}. The dataset would allow ${short(datasetAllows)}: ${cap}.`;
  const rejected = [
    {
      value: memoryAllows,
      reason: `fits into the memory, but is more than the cap of ${percent(maximumBatchFraction)} of the dataset's voxels allows (${factor(exact)} patches)`,
    },
    { value: datasetAllows, reason: "is within the cap of the dataset, but does not fit into the memory" },
  ].filter(({ value }) => value > batchSize);
  return {
    configuration,
    rule: "batch-size",
    source: "paper, Methods, Batch size; docs/method.md §2.7",
    inputs: {
      memoryEstimate: fitted.estimate,
      memoryBudget: network.budget,
      gpuMemoryGb,
      patchSize,
      datasetVoxels,
      numberOfCases: cases,
      maximumBatchFraction,
      minimumBatchSize,
      memoryAllows,
      datasetAllows,
    },
    result: batchSize,
    rejected: rejected.map(({ value, reason }) => ({ alternative: value, reason })),
    text,
  };
}

function decideDummy2d(
  network: PlannedNetwork,
  configuration: Configuration,
  { blueprint }: PlanningContext,
): Decision {
  const { patchSize } = network.fitted.topology;
  const ratio = Math.max(...patchSize) / patchSize[0]!;
  const { dummy2dThreshold } = blueprint;
  const flat = configuration.dummy2dAugmentation;
  return {
    configuration: network.configuration,
    rule: "dummy-2d-augmentation",
    source: "paper, Supplement D; docs/method.md §2.9",
    inputs: { patchSize, dummy2dThreshold },
    result: flat,
    rejected: [],
    text: `During training images are turned and stretched to show the network more variety. The longest side of the patch has ${factor(ratio)} times the voxels of its first axis; ${
      flat
        ? `that is more than ${dummy2dThreshold}, so this is done slice by slice`
        : `only above ${dummy2dThreshold} would this be done slice by slice`
    }.`,
  };
}

function decideBatchDice(network: PlannedNetwork, { batchDice }: Configuration): Decision {
  const { configuration } = network;
  const why = {
    "2d": "a slice often lacks a structure altogether",
    "3d_lowres": "a patch shows much of an image, so each is judged by itself",
    "3d_fullres": batchDice
      ? "there is a cascade, so a patch shows little of an image and often lacks a structure"
      : "a patch shows much of an image, so each is judged by itself",
  }[configuration];
  return {
    configuration,
    rule: "batch-dice",
    source: "docs/method.md §2.9",
    inputs: configuration === "3d_fullres" ? { cascade: batchDice } : {},
    result: batchDice,
    rejected: [],
    text: `The overlap with the reference (Dice) is measured ${batchDice ? "over the whole batch" : "patch by patch"}: ${why}.`,
  };
}
