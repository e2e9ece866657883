import type { Fold } from "../folders.ts";

/** What one configuration costs on this machine, as it was measured. Seconds, but for the last. */
export interface ConfigurationCosts extends TrainingCosts {
  /** Preprocessing of a case. */
  readonly preprocessCase: number;
}

export interface TrainingCosts {
  /** All of a training but its epochs: until the first step, and from the last one to the exported model. */
  readonly start: number;
  /** A training step, with its share of the validation steps. */
  readonly step: number;
  /** Checkpoints, log and curves at the end of an epoch. */
  readonly epoch: number;
  /** Prediction of a case by one fold. */
  readonly predictCase: number;
  /** Comparison of a segmentation with its reference. */
  readonly evaluateCase: number;
  /** Memory of the process at its peak. */
  readonly memoryGb: number;
}

/** What there is to be done, whatever is chosen. */
export interface Workload {
  readonly cases: number;
  readonly testCases: number;
  /** Validation cases per fold; all cases for fold "all". */
  readonly validationCases: ReadonlyMap<Fold, number>;
  readonly configurations: Readonly<Record<string, WorkOfConfiguration>>;
}

export interface WorkOfConfiguration {
  /** Configurations of the same data are preprocessed once. */
  readonly data: string;
  /** The first network of a cascade, where this is the second. */
  readonly previous?: string | undefined;
}

/** How long each network is trained. */
export interface Length {
  readonly epochs: number;
  readonly iterationsPerEpoch: number;
}

/** Which networks are trained, and how long. */
export interface Effort extends Length {
  readonly trainings: readonly { readonly configuration: string; readonly fold: Fold }[];
}

/** The configurations of trainings, each once. */
export const configurationsIn = (trainings: Effort["trainings"]) => [
  ...new Set(trainings.map(({ configuration }) => configuration)),
];

export type Costs = Readonly<Record<string, ConfigurationCosts>>;

/** Training and validation of one fold of a configuration. */
export function trainingSeconds(
  costs: Costs,
  { validationCases }: Pick<Workload, "validationCases">,
  { configuration, fold }: Effort["trainings"][number],
  { epochs, iterationsPerEpoch }: Length,
): number {
  const { start, step, epoch, predictCase, evaluateCase } = costs[configuration]!;
  const cases = validationCases.get(fold) ?? 0;
  return start + epochs * (iterationsPerEpoch * step + epoch) + cases * (predictCase + evaluateCase);
}

/** Everything after the survey: preprocessing, trainings with their validation, selection, test images. */
export function effortSeconds(costs: Costs, work: Workload, effort: Effort): number {
  const names = configurationsIn(effort.trainings);
  const perData = new Map(names.map((name) => [work.configurations[name]!.data, costs[name]!.preprocessCase]));
  const preprocessing = sum([...perData.values()].map((seconds) => seconds * work.cases));
  const trainings = effort.trainings.map((training) => trainingSeconds(costs, work, training, effort));
  return preprocessing + sum(trainings) + selectionSeconds(costs, work, names) + testSeconds(costs, work, effort);
}

/**
 * Every pair is averaged and scored on every case: two passes of decoding for one of comparing. The postprocessing of the
 * best is tried on every case, which takes about as long as a pair.
 */
export function selectionSeconds(costs: Costs, { cases }: Workload, names: readonly string[]): number {
  const pairs = (names.length * (names.length - 1)) / 2;
  return (pairs + 1) * cases * 3 * Math.max(...names.map((name) => costs[name]!.evaluateCase));
}

/** The final predictor is at most an ensemble of the two configurations that cost most. */
export function testSeconds(costs: Costs, { testCases, configurations }: Workload, { trainings }: Effort): number {
  const perCase = new Map<string, number>();
  for (const { configuration } of trainings) {
    const { predictCase } = costs[configuration]!;
    perCase.set(configuration, (perCase.get(configuration) ?? 0) + predictCase);
  }
  const own = [...perCase].map(([name, seconds]) => seconds + (perCase.get(configurations[name]!.previous ?? "") ?? 0));
  return testCases * sum(own.sort((a, b) => b - a).slice(0, 2));
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
