import {
  type Configuration,
  type DatasetJson,
  type Decision,
  type Fingerprint,
  InvalidArgumentError,
  type NormalizationScheme,
  type Planner,
  type PlannerOptions,
  type Plans,
  roundHalfEven,
  type Shape3,
  type Spacing,
  UnknownStageError,
} from "@nnunet/core";
import type { Blueprint } from "./blueprint.ts";
import { checkFingerprint } from "./check-fingerprint.ts";
import { decideConfigurations, decideDataset } from "./decide-dataset.ts";
import { decideCascade, decideNetwork } from "./decide-network.ts";
import { comparedWithPaper } from "./published-plans.ts";
import { type CascadeSearch, planLowResolution } from "./low-resolution.ts";
import { medianResampledShape } from "./median-shape.ts";
import { normalizationScheme } from "./normalization.ts";
import { overrideBlueprint } from "./overrides.ts";
import { medianPerAxis } from "./percentile.ts";
import { type PlannedNetwork, type PlanningContext, planNetwork } from "./plan-network.ts";
import { type RuleSet, ruleSets } from "./rule-sets.ts";
import { targetSpacing } from "./target-spacing.ts";
import { transposed, transposition } from "./transposition.ts";

/**
 * Turns a fingerprint into plans by the rule set that `options.ruleSet` names ("paper" unless given).
 *
 * Pure: no files, no clock, no randomness; a few milliseconds for any dataset.
 *
 * @throws {InvalidArgumentError} if the fingerprint, an option or an override is outside its domain, or the memory
 *   budget too small for any network
 * @throws {UnknownStageError} if there is no such rule set
 * @example defaultPlanner.plan(fingerprint, dataset, { gpuMemoryGb: 24 }).configurations["3d_fullres"].patchSize;
 * @see Isensee et al. 2021, Methods, "Inferred Parameters"
 */
export const defaultPlanner: Planner = { name: "default", plan };

function plan(fingerprint: Fingerprint, dataset: DatasetJson, options: PlannerOptions = {}): Plans {
  const ruleSet = findRuleSet(options.ruleSet ?? "paper");
  const gpuMemoryGb = options.gpuMemoryGb ?? ruleSet.gpuMemoryGb;
  if (!(gpuMemoryGb > 0 && Number.isFinite(gpuMemoryGb))) {
    throw new InvalidArgumentError("gpuMemoryGb", "a positive number of GB", gpuMemoryGb);
  }
  checkFingerprint(fingerprint, dataset);
  const blueprint = overrideBlueprint(ruleSet.blueprint, options.overrides ?? {});
  const context: PlanningContext = {
    ruleSet,
    blueprint,
    gpuMemoryGb,
    inputChannels: dataset.channelNames.length,
    labels: ruleSet.countLabels(dataset),
    cases: ruleSet.caseCount === "fingerprint" ? fingerprint.spacings.length : dataset.numTraining,
  };

  const { spacings, shapesAfterCrop } = fingerprint;
  const medianShape = medianPerAxis(shapesAfterCrop);
  const target = targetSpacing(spacings, shapesAfterCrop, {
    ...blueprint,
    compareWith: ruleSet.anisotropyComparedWith,
  });
  const chosenSpacing = options.targetSpacing ?? target.spacing;
  if (!(chosenSpacing.length === 3 && chosenSpacing.every((s) => s > 0 && Number.isFinite(s)))) {
    throw new InvalidArgumentError("targetSpacing", "three positive numbers [z, y, x] in mm", chosenSpacing);
  }
  const { forward, backward } = transposition(chosenSpacing, medianShape);
  const inOrder = (values: readonly number[]) => transposed(values, forward);
  const data = preprocessingOf(fingerprint, dataset, context);

  const networks = planNetworks(fingerprint, chosenSpacing, target.medianSpacing, inOrder, context, options);
  const { flat, full, search } = networks;
  const cascade = search?.lowResolution !== undefined;
  const configure = (network: PlannedNetwork, extra: Partial<Configuration>) =>
    configurationOf(network, data, context, extra);
  const configurations: Record<string, Configuration> = { "2d": configure(flat, { batchDice: true }) };
  if (full) {
    if (search?.lowResolution) {
      configurations["3d_lowres"] = configure(search.lowResolution, { nextConfiguration: "3d_cascade_fullres" });
    }
    const fullResolution = configure(full, { batchDice: cascade });
    configurations["3d_fullres"] = fullResolution;
    if (cascade) {
      configurations["3d_cascade_fullres"] = {
        ...fullResolution,
        inheritsFrom: "3d_fullres",
        previousConfiguration: "3d_lowres",
      };
    }
  }
  const planned = [flat, ...(search?.lowResolution ? [search.lowResolution] : []), ...(full ? [full] : [])];
  const explanation: Decision[] = [
    ...decideDataset(fingerprint, dataset, context, { target, options, forward, medianShape, ...data }),
    decideConfigurations(Object.keys(configurations), inOrder(medianShape)),
    ...planned.flatMap((network) => [
      ...(network === search?.lowResolution && full ? decideCascade(full, search, context) : []),
      ...decideNetwork(network, configurations[network.configuration]!, context),
    ]),
    ...(full && search && !cascade ? decideCascade(full, search, context) : []),
    ...comparedWithPaper(dataset, planned, context),
  ];
  return {
    datasetName: dataset.name ?? "unnamed",
    plansName: blueprint.plansName,
    planner: ruleSet.plannerName,
    ruleSet: ruleSet.name,
    originalMedianSpacing: inOrder(medianPerAxis(spacings)) as unknown as Spacing,
    originalMedianShape: inOrder(medianShape).map(roundHalfEven) as unknown as Shape3,
    transposeForward: forward,
    transposeBackward: backward,
    imageReaderWriter: readerFor(dataset.fileEnding),
    foregroundIntensityPerChannel: fingerprint.foregroundIntensityPerChannel,
    configurations,
    explanation,
  };
}

function findRuleSet(name: string): RuleSet {
  if (!Object.hasOwn(ruleSets, name)) throw new UnknownStageError("rule set", name, Object.keys(ruleSets));
  return ruleSets[name]!;
}

/** The 2D network and, unless the images are single slices, the 3D networks. */
function planNetworks(
  { spacings, shapesAfterCrop }: Fingerprint,
  target: Spacing,
  medianSpacing: Spacing,
  inOrder: (values: readonly number[]) => number[],
  context: PlanningContext,
  options: PlannerOptions,
): { flat: PlannedNetwork; full?: PlannedNetwork; search?: CascadeSearch } {
  const { ruleSet, cases } = context;
  const shapeAt = (spacing: Spacing) => {
    const exact = inOrder(medianResampledShape(spacings, shapesAfterCrop, spacing, ruleSet.roundEachCase));
    // the paper-era code rounds the median, nnU-Net v2 rounded each case and leaves a median of x.5
    return { exact, used: ruleSet.roundEachCase ? exact : exact.map(roundHalfEven) };
  };
  const spacing2d = ruleSet.medianSpacingFor2d && !options.targetSpacing ? medianSpacing : target;
  const shape2d = shapeAt(spacing2d).used;
  const flat = planNetwork(
    {
      configuration: "2d",
      spacing: inOrder(spacing2d).slice(1),
      medianShape: shape2d.slice(1),
      datasetVoxels: product(shape2d) * cases,
    },
    context,
  );
  const shape3d = shapeAt(target);
  if (shape3d.used[0] === 1) return { flat };
  const full = planNetwork(
    {
      configuration: "3d_fullres",
      spacing: inOrder(target),
      medianShape: shape3d.used,
      datasetVoxels: product(shape3d.used) * cases,
    },
    context,
  );
  return { flat, full, search: planLowResolution(full, shape3d.exact, context) };
}

/** How the intensities of each channel are normalised. */
export interface ChannelPreprocessing {
  readonly normalizationSchemes: readonly NormalizationScheme[];
  readonly useMaskForNorm: readonly boolean[];
}

function preprocessingOf(
  { medianRelativeSizeAfterCropping: size }: Fingerprint,
  { channelNames }: DatasetJson,
  { blueprint, ruleSet }: PlanningContext,
): ChannelPreprocessing {
  const schemes = blueprint.normalizationSchemes ?? channelNames.map(normalizationScheme);
  if (schemes.length !== channelNames.length) {
    const what = `one scheme per channel (${channelNames.join(", ")})`;
    throw new InvalidArgumentError("overrides.normalizationSchemes", what, schemes);
  }
  const cropped = size < blueprint.maskThreshold || (ruleSet.maskAtThreshold && size === blueprint.maskThreshold);
  return {
    normalizationSchemes: schemes,
    useMaskForNorm: schemes.map((scheme) => scheme === "ZScore" && cropped),
  };
}

function configurationOf(
  network: PlannedNetwork,
  data: ChannelPreprocessing,
  { blueprint, ruleSet }: PlanningContext,
  extra: Partial<Configuration>,
): Configuration {
  const { patchSize, strides, kernelSizes } = network.fitted.topology;
  const shared = network.configuration === "3d_lowres" ? undefined : ruleSet.sharesDataWith;
  const { forceSeparateZ } = blueprint;
  return {
    dataIdentifier: `${shared ?? blueprint.plansName}_${network.configuration}`,
    batchSize: network.batch.batchSize,
    patchSize,
    medianImageSize: network.medianShape,
    spacing: network.spacing,
    ...data,
    resamplingData: { order: blueprint.imageOrder, orderZ: blueprint.imageOrderZ, forceSeparateZ },
    resamplingSeg: { order: blueprint.segmentationOrder, orderZ: blueprint.segmentationOrderZ, forceSeparateZ },
    resamplingProbabilities: {
      order: blueprint.probabilitiesOrder,
      orderZ: blueprint.probabilitiesOrderZ,
      forceSeparateZ,
    },
    architecture: architectureOf(network, strides, kernelSizes, blueprint),
    batchDice: false,
    dummy2dAugmentation: isDummy2d(patchSize, blueprint),
    normalizeBeforeResampling: blueprint.normalizeBeforeResampling,
    averaging: blueprint.averaging,
    augmentation: blueprint.augmentation,
    ...extra,
  };
}

function architectureOf(
  network: PlannedNetwork,
  strides: readonly (readonly number[])[],
  kernelSizes: readonly (readonly number[])[],
  blueprint: Blueprint,
): Configuration["architecture"] {
  const { featuresPerStage, convsPerStage, convsPerStageDecoder } = network;
  const { architecture: kind, convBias, transposedConvBias, headBias, normEpsilon, leakyReluSlope } = blueprint;
  return {
    ...{ kind, featuresPerStage, kernelSizes, strides, convsPerStage, convsPerStageDecoder },
    ...{ convBias, transposedConvBias, headBias, normEpsilon, leakyReluSlope },
  };
}

/** A 3D patch much longer than it is deep: only axis 0 counts (facts.md §2.9). */
function isDummy2d(patchSize: readonly number[], { dummy2dThreshold }: Blueprint): boolean {
  return patchSize.length === 3 && Math.max(...patchSize) / patchSize[0]! > dummy2dThreshold;
}

/** The reader that Python nnU-Net v2 would choose; nnunet-ts itself goes by the file. */
function readerFor(fileEnding: string): string {
  const ending = fileEnding.toLowerCase();
  if ([".png", ".bmp", ".tif"].includes(ending)) return "NaturalImage2DIO";
  return ending === ".tiff" ? "Tiff3DIO" : "SimpleITKIO";
}

function product(values: readonly number[]): number {
  return values.reduce((all, value) => all * value, 1);
}
