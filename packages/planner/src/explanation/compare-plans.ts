import { type Configuration, type Decision, type Plans, printable } from "@nnunet/core";
import { listed, shownValue } from "./formatting.ts";
import { wrapped } from "./wrapped.ts";

/** An input of the planner in which two plans differ, and so one reason for a different decision. */
export interface DifferenceCause {
  /** Name of the input, "numberOfCases"; "ruleSet" if the same inputs led to different decisions. */
  readonly input: string;
  readonly a: unknown;
  readonly b: unknown;
  /** The rules between the input and the value, the nearest to the value first: `["batch-size", "median-shape"]`. */
  readonly through: readonly string[];
}

/** One value in which two plans differ. */
export interface PlanDifference {
  /** "dataset" for what all configurations share. */
  readonly configuration: string;
  /** "patchSize", "architecture.strides", … */
  readonly field: string;
  /** undefined: only the other plan has it. */
  readonly a: unknown;
  readonly b: unknown;
  /** Empty if the plans do not say why. */
  readonly causes: readonly DifferenceCause[];
}

/** What differs between two plans, for machines and for people. */
export interface PlanComparison {
  readonly differences: readonly PlanDifference[];
  readonly text: string;
}

/** Which rule decides a field. */
const ruleOf: Readonly<Record<string, string>> = {
  transposeForward: "transposition",
  configurations: "configurations",
  spacing: "target-spacing",
  medianImageSize: "median-shape",
  patchSize: "patch-size",
  batchSize: "batch-size",
  normalizationSchemes: "normalization",
  foregroundIntensityPerChannel: "normalization",
  useMaskForNorm: "nonzero-mask",
  resamplingData: "resampling",
  resamplingSeg: "resampling",
  resamplingProbabilities: "resampling",
  batchDice: "batch-dice",
  dummy2dAugmentation: "dummy-2d-augmentation",
  "architecture.kind": "feature-maps",
  "architecture.strides": "network-topology",
  "architecture.kernelSizes": "network-topology",
  "architecture.featuresPerStage": "feature-maps",
  "architecture.convsPerStage": "feature-maps",
  "architecture.convsPerStageDecoder": "feature-maps",
};

/** Fields that were measured or given: without a rule that decides which measurement it is, nothing causes them. */
const measured = new Set([
  "ruleSet",
  "datasetName",
  "originalMedianSpacing",
  "originalMedianShape",
  "foregroundIntensityPerChannel",
]);

/** Inputs of rules that are themselves results of rules. */
const producedBy: Readonly<Record<string, string>> = {
  targetSpacing: "target-spacing",
  lowResolutionSpacing: "low-resolution-spacing",
  spacing: "target-spacing",
  normalizationSchemes: "normalization",
  medianShape: "median-shape",
  datasetVoxels: "median-shape",
  initialPatchSize: "initial-patch-size",
  patchSize: "patch-size",
  memoryEstimate: "patch-size",
  memoryBudget: "memory-budget",
  resolutions: "network-topology",
  cascade: "cascade",
  memoryAllows: "",
  datasetAllows: "",
};

/**
 * What differs between two plans, and which input of the planner caused it: a value is traced back through the
 * decisions that led to it to the inputs that differ.
 *
 * @example comparePlans(small, large).text; // "2d: batchSize is 281 and 366, because numberOfCases is 200 and 260 …"
 */
export function comparePlans(a: Plans, b: Plans): PlanComparison {
  const names = [...new Set([...Object.keys(a.configurations), ...Object.keys(b.configurations)])];
  const shared = (plans: Plans) => ({
    ruleSet: plans.ruleSet,
    plansName: plans.plansName,
    datasetName: plans.datasetName,
    transposeForward: plans.transposeForward,
    configurations: Object.keys(plans.configurations),
    originalMedianSpacing: plans.originalMedianSpacing,
    originalMedianShape: plans.originalMedianShape,
    foregroundIntensityPerChannel: plans.foregroundIntensityPerChannel,
  });
  const differences = [
    ...differingFields("dataset", shared(a), shared(b), a, b),
    ...names
      .filter((name) => a.configurations[name] && b.configurations[name])
      .flatMap((name) =>
        differingFields(name, flattened(a.configurations[name]!), flattened(b.configurations[name]!), a, b),
      ),
  ];
  return { differences, text: describe(differences) };
}

function flattened({ architecture, ...rest }: Configuration): Record<string, unknown> {
  const net = Object.entries(architecture).map(([key, value]) => [`architecture.${key}`, value]);
  return { ...rest, ...Object.fromEntries(net) };
}

function differingFields(
  configuration: string,
  fieldsA: Record<string, unknown>,
  fieldsB: Record<string, unknown>,
  a: Plans,
  b: Plans,
): PlanDifference[] {
  const fields = [...new Set([...Object.keys(fieldsA), ...Object.keys(fieldsB)])];
  return fields
    .filter((field) => !same(fieldsA[field], fieldsB[field]))
    .map((field) => ({
      configuration,
      field,
      a: fieldsA[field],
      b: fieldsB[field],
      causes: causesOf(configuration, field, a, b),
    }));
}

function causesOf(configuration: string, field: string, a: Plans, b: Plans): DifferenceCause[] {
  const otherRules = { input: "ruleSet", a: a.ruleSet, b: b.ruleSet, through: [] };
  const rule = configuration === "3d_lowres" && field === "spacing" ? "low-resolution-spacing" : ruleOf[field];
  const mayBeTheRules = a.ruleSet !== b.ruleSet && !measured.has(field);
  if (rule === undefined) return mayBeTheRules ? [otherRules] : [];
  const home = configuration === "3d_cascade_fullres" ? "3d_fullres" : configuration;
  const causes = trace(rule, home, a, b, [rule], new Set());
  const unique = causes.filter((cause, i) => causes.findIndex(({ input }) => input === cause.input) === i);
  return unique.length === 0 && mayBeTheRules ? [otherRules] : unique;
}

/** The inputs in which a decision differs; those that are results themselves are followed to their own inputs. */
function trace(
  rule: string,
  configuration: string,
  a: Plans,
  b: Plans,
  through: string[],
  seen: Set<string>,
): DifferenceCause[] {
  const [ours, theirs] = [find(a, rule, configuration), find(b, rule, configuration)];
  if (!ours || !theirs || seen.has(`${rule} ${ours.configuration}`)) return [];
  seen.add(`${rule} ${ours.configuration}`);
  const inputs = [...new Set([...Object.keys(ours.inputs), ...Object.keys(theirs.inputs)])];
  const causes: DifferenceCause[] = [];
  for (const input of inputs) {
    const [valueA, valueB] = [ours.inputs[input], theirs.inputs[input]];
    if (same(valueA, valueB)) continue;
    const producer = producedBy[input];
    if (producer === "") continue; // repeats other inputs of the same rule
    if (
      producer !== undefined &&
      producer !== rule &&
      find(a, producer, configuration) &&
      find(b, producer, configuration)
    ) {
      const found = trace(producer, configuration, a, b, [...through, producer], seen);
      causes.push(...found);
      if (found.length === 0 && a.ruleSet !== b.ruleSet) {
        causes.push({ input: "ruleSet", a: a.ruleSet, b: b.ruleSet, through: [...through, producer] });
      }
    } else {
      causes.push({ input, a: valueA, b: valueB, through });
    }
  }
  if (causes.length === 0 && !same(ours.result, theirs.result) && a.ruleSet !== b.ruleSet) {
    causes.push({ input: "ruleSet", a: a.ruleSet, b: b.ruleSet, through });
  }
  return causes;
}

/** The decision of a configuration; else of the full resolution, from which the others start; else of the dataset. */
function find(plans: Plans, rule: string, configuration: string): Decision | undefined {
  for (const home of [configuration, "3d_fullres", "dataset"]) {
    const found = plans.explanation.find((decision) => decision.rule === rule && decision.configuration === home);
    if (found) return found;
  }
  return undefined;
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** Prose; what several configurations have in common is said once. */
function describe(differences: readonly PlanDifference[]): string {
  if (differences.length === 0) return "The two plans are the same.";
  const sentences = new Map<string, string[]>();
  for (const difference of differences) {
    const sentence = sentenceOf(difference);
    sentences.set(sentence, [...(sentences.get(sentence) ?? []), difference.configuration]);
  }
  return [...sentences]
    .flatMap(([sentence, configurations]) => wrapped(`${listed(configurations)}: ${sentence}`, "", "  "))
    .map(printable)
    .join("\n");
}

function sentenceOf({ field, a, b, causes }: PlanDifference): string {
  const perAxis = !field.startsWith("architecture.");
  const what = `${field} is ${shownValue(a, perAxis)} in the first plan and ${shownValue(b, perAxis)} in the second`;
  if (causes.length === 0) return `${what}.`;
  const reasons = causes.map((cause) => {
    const via = cause.through.length > 1 ? ` (by way of ${listed(cause.through.slice(1))})` : "";
    return `${cause.input} is ${shownValue(cause.a)} and ${shownValue(cause.b)}${via}`;
  });
  return `${what}, because ${listed(reasons)}.`;
}
