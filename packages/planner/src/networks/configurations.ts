import type { Configuration } from "@nnunet/core";
import type { Blueprint } from "../rules/blueprint.ts";
import type { PlannedNetwork, PlanningContext } from "./plan-network.ts";
import type { PlannedResolutions } from "./plan-resolutions.ts";
import type { ChannelPreprocessing } from "./preprocess-channels.ts";

/**
 * The configurations of a plan, in the order in which nnU-Net v2 lists them. With a cascade there are two more: its
 * low resolution, and the full resolution that also sees what the low resolution found.
 *
 * @see docs/method.md §2.8, §2.9
 */
export function configurationsOf(
  { flat, full, search }: PlannedResolutions,
  channels: ChannelPreprocessing,
  context: PlanningContext,
): Record<string, Configuration> {
  const low = search?.lowResolution;
  const configurations: Record<string, Configuration> = {
    "2d": { ...configure(flat, channels, context), batchDice: true },
  };
  if (!full) return configurations;
  if (low) {
    configurations["3d_lowres"] = {
      ...configure(low, channels, context),
      nextConfiguration: "3d_cascade_fullres",
    };
  }
  const fullResolution = { ...configure(full, channels, context), batchDice: low !== undefined };
  configurations["3d_fullres"] = fullResolution;
  if (low) {
    configurations["3d_cascade_fullres"] = {
      ...fullResolution,
      inheritsFrom: "3d_fullres",
      previousConfiguration: "3d_lowres",
    };
  }
  return configurations;
}

function configure(
  network: PlannedNetwork,
  channels: ChannelPreprocessing,
  { blueprint, ruleSet }: PlanningContext,
): Configuration {
  const { patchSize, strides, kernelSizes } = network.fitted.topology;
  const shared = network.configuration === "3d_lowres" ? undefined : ruleSet.sharesDataWith;
  const { featuresPerStage, convsPerStage, convsPerStageDecoder } = network;
  const { architecture: kind, convBias, transposedConvBias, headBias, norm, normEpsilon, leakyReluSlope } = blueprint;
  const resampling = (order: number, orderZ: number) => ({ order, orderZ, forceSeparateZ: blueprint.forceSeparateZ });
  return {
    dataIdentifier: `${shared ?? blueprint.plansName}_${network.configuration}`,
    batchSize: network.batch.batchSize,
    patchSize,
    medianImageSize: network.medianShape,
    spacing: network.spacing,
    ...channels,
    resamplingData: resampling(blueprint.imageOrder, blueprint.imageOrderZ),
    resamplingSeg: resampling(blueprint.segmentationOrder, blueprint.segmentationOrderZ),
    resamplingProbabilities: resampling(blueprint.probabilitiesOrder, blueprint.probabilitiesOrderZ),
    architecture: {
      ...{ kind, featuresPerStage, kernelSizes, strides, convsPerStage, convsPerStageDecoder },
      ...{ convBias, transposedConvBias, headBias, normEpsilon, leakyReluSlope },
      ...(norm === "batch" && { norm }),
    },
    batchDice: false,
    dummy2dAugmentation: isDummy2d(patchSize, blueprint),
    normalizeBeforeResampling: blueprint.normalizeBeforeResampling,
    averaging: blueprint.averaging,
    augmentation: blueprint.augmentation,
  };
}

/** A 3D patch much longer than it is deep: only axis 0 counts (docs/method.md §2.9). */
function isDummy2d(patchSize: readonly number[], { dummy2dThreshold }: Blueprint): boolean {
  return patchSize.length === 3 && Math.max(...patchSize) / patchSize[0]! > dummy2dThreshold;
}
