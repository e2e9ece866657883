import {
  type DatasetJson,
  type Decision,
  type Fingerprint,
  normalizationSchemes,
  type PlannerOptions,
} from "@nnunet/core";
import type { IntensityWeights } from "../rules/intensity-statistics.ts";
import { patchBudget } from "../rules/batch-size.ts";
import { counted, factor, listed, percent, short, times } from "./formatting.ts";
import type { PlanningContext } from "../networks/plan-network.ts";
import type { ChannelPreprocessing } from "../networks/preprocess-channels.ts";
import type { TargetSpacing } from "../rules/target-spacing.ts";

/** What was found out about the dataset as a whole. */
export interface DatasetFindings extends ChannelPreprocessing {
  readonly target: TargetSpacing;
  readonly options: PlannerOptions;
  readonly forward: readonly number[];
  /** After cropping, before resampling and transposition. */
  readonly medianShape: readonly number[];
}

const dataset = "dataset";

/** The decisions that all configurations share, in the order in which they are taken. */
export function decideDataset(
  fingerprint: Fingerprint,
  json: DatasetJson,
  context: PlanningContext,
  findings: DatasetFindings,
): Decision[] {
  return [
    decideMemory(context),
    decideSpacing(fingerprint, context, findings),
    decideTransposition(findings),
    decideNormalization(json, context, findings),
    decideMask(fingerprint, context, findings),
    decideResampling(context),
  ];
}

function decideMemory({ ruleSet, gpuMemoryGb, blueprint }: PlanningContext): Decision {
  const [flat, full] = [ruleSet.network2d, ruleSet.network3d].map(({ memory }) =>
    patchBudget(memory, gpuMemoryGb, blueprint.minimumBatchSize),
  );
  return {
    configuration: dataset,
    rule: "memory-budget",
    source: "paper, Methods, Adaptation to GPU memory budget; docs/method.md §2.6, §2.7",
    inputs: { gpuMemoryGb, minimumBatchSize: blueprint.minimumBatchSize },
    result: { "2d": flat!, "3d": full! },
    rejected: [],
    text:
      `The plan is made for a GPU with ${short(gpuMemoryGb)} GB of memory. Instead of measuring memory, the planner ` +
      "counts the numbers that a network has to keep at the same time while it learns from one piece of an image, and " +
      `compares with networks whose need is known: about ${short(Math.round(full!))} numbers fit in 3D and ${short(Math.round(flat!))} in 2D.`,
  };
}

function decideSpacing(
  { spacings }: Fingerprint,
  { blueprint, ruleSet }: PlanningContext,
  { target, options, medianShape }: DatasetFindings,
): Decision {
  const { spacing, medianSpacing, coarsestAxis, spacingRatio, voxelRatio, anisotropic } = target;
  const { anisotropyThreshold: threshold, targetSpacingPercentile: percentile } = blueprint;
  const chosen = options.targetSpacing ?? spacing;
  const intro =
    "A network sees voxels, not millimetres, so all images are first brought to one voxel size. " +
    `The middle (median) of the ${counted(spacings.length, "training case")} is ${times(medianSpacing)} mm. `;
  const ratios =
    `Along axis ${coarsestAxis} voxels are ${factor(spacingRatio)} times as long as along the ` +
    `${ruleSet.anisotropyComparedWith === "finest" ? "finer" : "coarser"} of the other axes, and each of those has at least ${factor(voxelRatio)} times as many voxels`;
  const lower = `the ${percentile}th percentile`;
  const reason = options.targetSpacing
    ? `You asked for ${times(chosen)} mm instead.`
    : anisotropic
      ? `${ratios}; both exceed ${threshold}, so that axis takes ${lower} of its spacings, ${short(spacing[coarsestAxis]!)} mm: ` +
        "most images are then interpolated to finer slices, which loses less than merging slices would."
      : `${ratios}; only if both exceeded ${threshold} would that axis need a finer spacing than its median.`;
  return {
    configuration: dataset,
    rule: "target-spacing",
    source: "paper, Methods, Target spacing; docs/method.md §2.1",
    inputs: {
      numberOfCases: spacings.length,
      medianSpacing,
      medianShapeAfterCropping: medianShape,
      spacingRatio,
      voxelRatio,
      anisotropyThreshold: threshold,
      targetSpacingPercentile: percentile,
      ...(options.targetSpacing && { requestedSpacing: options.targetSpacing }),
      ...(anisotropic && { lowSpacing: spacing[coarsestAxis] }),
    },
    result: chosen,
    rejected:
      target.spacing.join() === (options.targetSpacing ?? medianSpacing).join()
        ? []
        : [
            options.targetSpacing
              ? { alternative: spacing, reason: "is what the rules give, but another spacing was asked for" }
              : { alternative: medianSpacing, reason: `both ratios exceed ${threshold}: the data is anisotropic` },
          ],
    text: intro + reason,
  };
}

function decideTransposition({ target, options, forward, medianShape }: DatasetFindings): Decision {
  const moved = forward[0] !== 0;
  const single = medianShape[forward[0]!] === 1;
  const which = single ? "the images have a single slice" : "voxels are longest";
  return {
    configuration: dataset,
    rule: "transposition",
    source: "docs/method.md §2.2",
    inputs: { targetSpacing: options.targetSpacing ?? target.spacing, medianShapeAfterCropping: medianShape },
    result: forward,
    rejected: moved
      ? [{ alternative: [0, 1, 2], reason: `axis ${forward[0]}, along which ${which}, has to come first` }]
      : [],
    text: moved
      ? `The axes are put in the order ${forward.join(", ")}: axis ${forward[0]}, along which ${which}, comes first, so that 2D networks cut the images into slices across it.`
      : `The axes stay in their order: ${single ? "the images have a single slice along axis 0" : "no axis has longer voxels than axis 0"}, across which 2D networks cut the images into slices.`,
  };
}

function decideNormalization(
  { channelNames }: DatasetJson,
  { blueprint, ruleSet: { intensityWeights } }: PlanningContext,
  { normalizationSchemes: chosen }: DatasetFindings,
): Decision {
  // channels of the same scheme are explained together
  const named = new Map<string, Set<string>>();
  for (const [i, name] of channelNames.entries()) {
    const why = normalizationSchemes[chosen[i]!].because;
    named.set(why, (named.get(why) ?? new Set<string>()).add(`"${name}"`));
  }
  const usesStatistics = chosen.some((scheme) => normalizationSchemes[scheme].usesStatistics);
  const perChannel = [...named].map(([why, names]) => `${listed([...names])}: ${why}`);
  return {
    configuration: dataset,
    rule: "normalization",
    source: "paper, Methods, Intensity normalization; docs/method.md §2.9",
    inputs: {
      channelNames,
      ...(blueprint.normalizationSchemes && { requestedSchemes: blueprint.normalizationSchemes }),
      intensityWeights,
    },
    result: chosen,
    rejected: [],
    text: `Brightness is brought to a common scale, by what the channels are called in dataset.json. ${perChannel.join("; ")}.${usesStatistics ? ` ${statisticsOf[intensityWeights]}` : ""}`,
  };
}

const statisticsOf: Readonly<Record<IntensityWeights, string>> = {
  voxels: "In these statistics every voxel of the foreground has the same weight.",
  cases:
    "In these statistics every case has the same weight, however large its foreground is, as nnU-Net v2 draws voxels.",
};

function decideMask(
  { medianRelativeSizeAfterCropping: size }: Fingerprint,
  { blueprint: { maskThreshold } }: PlanningContext,
  { useMaskForNorm, normalizationSchemes }: DatasetFindings,
): Decision {
  const used = useMaskForNorm.some(Boolean);
  return {
    configuration: dataset,
    rule: "nonzero-mask",
    source: "paper, Methods, Intensity normalization; docs/method.md §2.9",
    inputs: { medianRelativeSizeAfterCropping: size, maskThreshold, normalizationSchemes },
    result: useMaskForNorm,
    rejected: [],
    text:
      `Cutting off the empty (zero) border leaves ${percent(size)} of a typical image. ` +
      (used
        ? `That is little (the limit is ${percent(maskThreshold)}), so mean and standard deviation are taken of the voxels inside alone.`
        : normalizationSchemes.includes("ZScore")
          ? `That is more than ${percent(maskThreshold)}, so mean and standard deviation are taken of the whole cropped image.`
          : "It does not matter here: no channel is normalised by the mean and standard deviation of its own image."),
  };
}

function decideResampling({ blueprint }: PlanningContext): Decision {
  const { imageOrder, imageOrderZ, segmentationOrder, segmentationOrderZ, forceSeparateZ } = blueprint;
  const { probabilitiesOrder, probabilitiesOrderZ } = blueprint;
  const [image, imageZ] = [curve(imageOrder), curve(imageOrderZ)];
  const separate =
    forceSeparateZ === null
      ? `Where an image's voxels are more than 3 times as long along one axis, that axis is treated apart (${imageZ})`
      : forceSeparateZ
        ? `The coarsest axis is always treated apart (${imageZ})`
        : "All axes are treated alike";
  return {
    configuration: dataset,
    rule: "resampling",
    source: "paper, Methods, Resampling; docs/method.md §3",
    inputs: {
      ...{ imageOrder, imageOrderZ, segmentationOrder, segmentationOrderZ },
      ...{ probabilitiesOrder, probabilitiesOrderZ, forceSeparateZ },
    },
    result: { image: imageOrder, segmentation: segmentationOrder, probabilities: probabilitiesOrder, forceSeparateZ },
    rejected: [],
    text: `New voxels are computed with ${image} for images and ${curve(segmentationOrder)}, label by label, for segmentations. ${separate}.`,
  };
}

function curve(order: number): string {
  return order === 0 ? "the nearest old voxel" : order === 1 ? "straight lines" : "smooth curves (third-order splines)";
}

/** Which configurations there are at all. */
export function decideConfigurations(names: readonly string[], medianShape: readonly number[]): Decision {
  const flat = names.length === 1;
  return {
    configuration: dataset,
    rule: "configurations",
    source: "paper, Supplement B.1, Selecting the best U-Net configuration; docs/method.md §2.8",
    inputs: { medianShapeAfterCropping: medianShape, ...(!flat && { cascade: names.includes("3d_lowres") }) },
    result: names,
    rejected: flat ? [{ alternative: "3d_fullres", reason: "the images have a single slice" }] : [],
    text: flat
      ? "The images have a single slice, so there is a 2D network only."
      : `The networks to train and compare are ${listed(names)}.`,
  };
}
