import type {
  BatchSource,
  Architecture,
  Configuration,
  DatasetJson,
  Fingerprint,
  LoadedCase,
  StoredImageCase,
  ModelDataset,
  Plans,
  PreprocessedCase,
  PreprocessedCaseReader,
} from "./artefacts.ts";
import type { LabelMetrics } from "./names.ts";
import type { StageOptions } from "./events.ts";
import type { LabelSet } from "./dataset/label-set.ts";
import type { NetworkGraph, NetworkSize } from "./model/network-graph.ts";
import type { ModelMetadata } from "./model/model-metadata.ts";
import type { Volume, VoxelArray } from "./volume.ts";

/*
 * A stage is a name and a function from artefact to artefact. Replace one by wrapping it:
 * `{ ...defaultPlanner, name: "mine", plan: (f, d, o) => tweak(defaultPlanner.plan(f, d, o)) }`.
 */

/** What every stage has. Name and version are part of the hash of what the stage makes, so a replaced stage is redone. */
export interface Stage {
  /** Your own; a replaced stage that keeps the default's name is refused. */
  readonly name: string;
  /** To be changed when the stage gives other results than before under the same name. */
  readonly version?: string;
  /**
   * URL of a JavaScript module whose default export is this stage. Worker threads import it; a replaced stage without
   * one runs in the main thread, because a function cannot travel to another.
   *
   * @example { ...defaultBatchSampler, name: "mine", module: new URL("./my-sampler.mjs", import.meta.url).href }
   */
  readonly module?: string;
}

/** What one case contributes to the fingerprint; mergeable, so that cases can be measured in any order and place. */
export interface FingerprintExtractor<Measurement = unknown> extends Stage {
  measureCase(loaded: LoadedCase, dataset: DatasetJson): Measurement;
  /** Several measurements as one, so that memory need not grow with the number of cases; `combine([merged])` gives the same. */
  merge?(measurements: readonly Measurement[]): Measurement;
  /** The result does not depend on how the cases were distributed over workers. */
  combine(measurements: readonly Measurement[], dataset: DatasetJson): Fingerprint;
}

export interface PlannerOptions {
  /** "paper" by default. */
  readonly ruleSet?: string;
  /** Memory of the GPU to plan for, in GB. The rule set's own by default (paper: 11). */
  readonly gpuMemoryGb?: number;
  /** Overrides the 3D target spacing: [z, y, x] mm, before transposition. */
  readonly targetSpacing?: readonly [number, number, number];
  /** Overrides of blueprint parameters by name (Supplement G); the planner's README lists them. */
  readonly overrides?: Readonly<Record<string, unknown>>;
}

export interface Planner extends Stage {
  /** Pure: the same inputs give the same plans, byte for byte. */
  plan(fingerprint: Fingerprint, dataset: DatasetJson, options?: PlannerOptions): Plans;
}

export interface Preprocessor extends Stage {
  preprocessCase(loaded: LoadedCase, plans: Plans, configuration: string, dataset: ModelDataset): PreprocessedCase;
}

/** What a source of batches is made from; `augmentation` is plain data of the sampler's own. */
export interface BatchSourceOptions<Augmentation = unknown> {
  /** The cases of the fold, drawn uniformly with replacement. */
  readonly cases: readonly PreprocessedCaseReader[];
  readonly configuration: Pick<
    Configuration,
    "patchSize" | "batchSize" | "dummy2dAugmentation" | "useMaskForNorm" | "augmentation"
  >;
  readonly labels: LabelSet;
  readonly seed: number;
  /** `validation`: the network's patch, not augmented, still oversampled. */
  readonly mode: "training" | "validation";
  /** One entry per deep-supervision output, each a fraction per axis of the patch; the first is all 1. */
  readonly outputScales: readonly (readonly number[])[];
  /** The configuration's by default. */
  readonly batchSize?: number;
  /** Fraction of a batch that must contain foreground; 0.33. */
  readonly foregroundOversampling?: number;
  /** By default the set that the configuration names. */
  readonly augmentation?: Augmentation;
  /** Axes of `patchSize` that may be mirrored; all by default. Leave out left–right for sided labels. */
  readonly mirrorAxes?: readonly number[];
  /**
   * The previous configuration's segmentations, one per case in the same order and on the same grid. Their foreground
   * labels become extra 0/1 channels after the image's (cascade). Only `seg` of a patch is used; `shape[0]` may be 0.
   */
  readonly previousSegmentations?: readonly PreviousSegmentationReader[];
}

export type PreviousSegmentationReader = Pick<PreprocessedCaseReader, "id" | "shape" | "readPatch">;

/** Patch sampling and augmentation. */
export interface BatchSampler<Augmentation = unknown> extends Stage {
  /** Batches that depend on (options, epoch, iteration) alone, in any process and any order. */
  createBatchSource(options: BatchSourceOptions<Augmentation>): BatchSource;
}

/** The network of a configuration. */
export interface NetworkBuilder extends Stage {
  /**
   * Pure: the same inputs give the same graph. The first output has the size of the patch, the others (deep supervision,
   * highest resolution first) are smaller.
   *
   * @param architecture - of the plan; one's own network may follow it or not
   */
  build(architecture: Architecture, size: NetworkSize): NetworkGraph;
}

/** One training. `settings` decides, with the data and the network, which weights come out. */
export interface TrainingTask<Settings = unknown> extends StageOptions {
  readonly configuration: Configuration;
  readonly configurationName: string;
  readonly fold: number | "all";
  readonly labels: LabelSet;
  /** Image channels, plus one per foreground label of the previous configuration in a cascade. */
  readonly inputChannels: number;
  readonly training: BatchSource;
  readonly validation: BatchSource;
  /** The network, where it is not the one that the configuration describes; goes into the checkpoints. */
  readonly network?: NetworkGraph;
  /**
   * Values of all weights to begin with, instead of the trainer's initial ones; a checkpoint that is gone on from has its own.
   * A trainer that has not read them when it calls `onBegin` or asks for a batch is stopped: it would begin with others.
   */
  readonly initialWeights?: ReadonlyMap<string, { readonly data: Float32Array; readonly shape: readonly number[] }>;
  /** Where these come from, plain JSON; goes into the checkpoints. */
  readonly pretrained?: unknown;
  /** The stages that its weights come from, by name; goes into the checkpoints. */
  readonly madeBy?: Readonly<Record<string, string>>;
  /** Gets checkpoints, log and curves. */
  readonly folder: string;
  readonly settings?: Partial<Settings>;
  /** Where the arithmetic runs: "cpu" by default. Changes no weight beyond rounding. */
  readonly device?: "cpu" | "webgpu" | "cuda";
  /** Threads of one operator; all cores by default. */
  readonly threads?: number;
  /** Go on from the latest checkpoint; without it a folder that holds a training is an error. */
  readonly continue?: boolean;
  /** Waited for when nothing is left that could be refused, before the first batch is asked for. */
  readonly onBegin?: () => Promise<void>;
}

export interface Trainer<Settings = unknown> extends Stage {
  /**
   * The whole settings: what is given, and the defaults for the rest. Plain JSON; the pipeline hashes it, and a training
   * is continued only with the same.
   *
   * @throws {InvalidArgumentError} if a value is outside its domain; names the setting
   */
  completeSettings(given: Partial<Settings>): Settings;
  /**
   * Where a training with these settings takes its memory from, so that it can be refused beforehand; a trainer that does
   * not say is taken to run on the CPU where no other device is asked for.
   */
  memoryOf?(given: Partial<Settings>, device?: TrainingTask["device"]): Promise<"cpu" | "gpu">;
  /** @returns the file with the final weights */
  train(task: TrainingTask<Settings>): Promise<{ readonly checkpoint: string }>;
}

export interface PredictionSettings {
  /** Stride between patches as a fraction of the patch, in (0, 1]; 0.5 by default. */
  readonly stepFraction?: number;
  /** Average over all mirrored copies that the model was trained for; true by default. */
  readonly mirroring?: boolean;
  /** Take patches of a CT that show air alone for background, without running the network; false by default. */
  readonly bodyMask?: boolean;
}

/** Models + image → segmentation. */
export interface Predictor<Model extends { readonly metadata: ModelMetadata } = { readonly metadata: ModelMetadata }>
  extends Stage {
  /**
   * @param models - the folds of one configuration; their mean is taken
   * @param loaded - the image, [channel, z, y, x], of any type of voxels
   * @param options.previous - where `models` are the second network of a cascade: the folds of the first
   * @param options.onProbabilities - is given the probabilities channel by channel, [z, y, x] each on the grid of the
   *   image, and waited for; the array may be used again for the next
   * @param options.releaseImage - the image is nobody's afterwards: its voxels may be let go
   * @param options.scratch - a path beside which may lie, while it works, what memory has no room for
   * @returns label ids [1, z, y, x] in the geometry of the image; on request the probabilities [class or region, z, y, x]
   */
  predictImage(
    models: readonly Model[],
    loaded: StoredImageCase,
    options?: PredictionSettings & {
      readonly previous?: readonly Model[];
      readonly probabilities?: boolean;
      readonly releaseImage?: boolean;
      readonly onProbabilities?: (channel: Float32Array) => Promise<void>;
      readonly scratch?: string;
    } & StageOptions,
  ): Promise<{ segmentation: Volume<Int16Array>; probabilities?: Volume<Float32Array> }>;
}

/** Segmentation + reference → scores. */
export interface Evaluator extends Stage {
  /** @returns one entry per foreground label, keyed "1", or per region, keyed "(1, 2)" */
  caseMetrics(reference: VoxelArray, prediction: VoxelArray, labels: LabelSet): Record<string, LabelMetrics>;
}

/** A validation case with its prediction, label ids in [z, y, x]. */
export interface ValidationCase {
  readonly id: string;
  readonly reference: Int16Array;
  readonly prediction: Int16Array;
  readonly shape: readonly [number, number, number];
}

/** What to do with segmentations at the end, by the evidence of the validation cases; `Decided` is its own kind of data. */
export interface Postprocessor<Decided = unknown> extends Stage {
  /**
   * Finds out what helps.
   *
   * @param cases - called once per reading; gives every validation case
   * @param caseMetrics - of the evaluator
   * @param options.rules - name of the rules that say what counts as better; the stage's own by default
   */
  decide(
    cases: () => AsyncIterable<ValidationCase>,
    labels: LabelSet,
    caseMetrics: Evaluator["caseMetrics"],
    options?: { readonly rules?: string } & StageOptions,
  ): Promise<Decided>;
  /** Labels [z, y, x] in, labels of the same shape out; the input is left alone. */
  apply(segmentation: Int16Array, shape: readonly [number, number, number], decided: Decided): Int16Array;
  /** `postprocessing.json`, and back. */
  toJson(decided: Decided): unknown;
  /** @throws {InvalidArtifactError} naming the field that is wrong */
  fromJson(json: unknown, path: string): Decided;
}
