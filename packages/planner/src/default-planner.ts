import {
  type DatasetJson,
  type Decision,
  type Fingerprint,
  InvalidArgumentError,
  type Planner,
  type PlannerOptions,
  type Plans,
  roundHalfEven,
  type Shape3,
  type Spacing,
  UnknownStageError,
} from "@nnunet/core";
import { checkFingerprint } from "./check-fingerprint.ts";
import { configurationsOf } from "./networks/configurations.ts";
import { decideCascade } from "./explanation/decide-cascade.ts";
import { decideConfigurations, decideDataset } from "./explanation/decide-dataset.ts";
import { decideNetwork } from "./explanation/decide-network.ts";
import { overrideBlueprint } from "./rules/overrides.ts";
import { intensityStatistics } from "./rules/intensity-statistics.ts";
import { medianPerAxis } from "./rules/median-per-axis.ts";
import type { PlanningContext } from "./networks/plan-network.ts";
import { planResolutions } from "./networks/plan-resolutions.ts";
import { preprocessChannels } from "./networks/preprocess-channels.ts";
import { comparedWithPaper } from "./explanation/published-plans.ts";
import { type RuleSet, ruleSets } from "./rules/rule-sets.ts";
import { targetSpacing } from "./rules/target-spacing.ts";
import { transposed, transposition } from "./rules/transposition.ts";

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
  checkFingerprint(fingerprint, dataset);
  const context = planningContext(fingerprint, dataset, options);
  const { ruleSet, blueprint } = context;
  const { spacings, shapesAfterCrop } = fingerprint;
  const medianShape = medianPerAxis(shapesAfterCrop);
  const target = targetSpacing(spacings, shapesAfterCrop, {
    ...blueprint,
    compareWith: ruleSet.anisotropyComparedWith,
  });
  const spacing = options.targetSpacing ?? target.spacing;
  const { forward, backward } = transposition(spacing, medianShape);
  const inOrder = (values: readonly number[]) => transposed(values, forward);

  const channels = preprocessChannels(fingerprint, dataset, context);
  const spacing2d = ruleSet.medianSpacingFor2d && !options.targetSpacing ? target.medianSpacing : spacing;
  const networks = planResolutions(fingerprint, spacing, spacing2d, inOrder, context);
  const configurations = configurationsOf(networks, channels, context);

  const { flat, full, search } = networks;
  const low = search?.lowResolution;
  const planned = [flat, ...(full ? [full] : []), ...(low ? [low] : [])];
  const explanation: Decision[] = [
    ...decideDataset(fingerprint, dataset, context, { target, options, forward, medianShape, ...channels }),
    decideConfigurations(Object.keys(configurations), medianShape),
    ...decideNetwork(flat, configurations["2d"]!, context),
    ...(full && search ? decideNetwork(full, configurations["3d_fullres"]!, context) : []),
    ...(full && search ? decideCascade(full, search, context) : []),
    ...(low ? decideNetwork(low, configurations["3d_lowres"]!, context) : []),
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
    foregroundIntensityPerChannel: intensityStatistics(
      fingerprint,
      ruleSet.intensityWeights,
      channels.normalizationSchemes,
    ),
    configurations,
    explanation,
  };
}

function planningContext(fingerprint: Fingerprint, dataset: DatasetJson, options: PlannerOptions): PlanningContext {
  const ruleSet = findRuleSet(options.ruleSet ?? "paper");
  const gpuMemoryGb = options.gpuMemoryGb ?? ruleSet.gpuMemoryGb;
  if (!(gpuMemoryGb > 0 && Number.isFinite(gpuMemoryGb))) {
    throw new InvalidArgumentError("gpuMemoryGb", "a positive number of GB", gpuMemoryGb);
  }
  const wanted = options.targetSpacing;
  if (wanted && !(wanted.length === 3 && wanted.every((s) => s > 0 && Number.isFinite(s)))) {
    throw new InvalidArgumentError("targetSpacing", "three positive numbers [z, y, x] in mm", wanted);
  }
  return {
    ruleSet,
    blueprint: overrideBlueprint(ruleSet.blueprint, options.overrides ?? {}),
    gpuMemoryGb,
    inputChannels: dataset.channelNames.length,
    labels: ruleSet.countLabels(dataset),
    cases: ruleSet.caseCount === "fingerprint" ? fingerprint.spacings.length : dataset.numTraining,
  };
}

function findRuleSet(name: string): RuleSet {
  if (!Object.hasOwn(ruleSets, name)) throw new UnknownStageError("rule set", name, Object.keys(ruleSets));
  return ruleSets[name]!;
}

/** The reader that Python nnU-Net v2 would choose; nnunet-ts itself goes by the file. */
function readerFor(fileEnding: string): string {
  const ending = fileEnding.toLowerCase();
  if ([".png", ".bmp", ".tif"].includes(ending)) return "NaturalImage2DIO";
  return ending === ".tiff" ? "Tiff3DIO" : "SimpleITKIO";
}
