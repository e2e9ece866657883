import type { LabelMetrics, AugmentationSet, Averaging, NormalizationScheme } from "./names.ts";
import type { Geometry, Shape3, Spacing, Volume, VolumeShape } from "./volume.ts";

/*
 * The files between the stages, as typed values. Code is camelCase; the JSON on disk keeps nnU-Net's snake_case, and
 * one pair of functions per artefact converts (`datasetFromJson`, `fingerprintFromJson`, `plansFromJson`, …).
 * Arrays are [channel, z, y, x], spacings [z, y, x] in mm.
 */

/** `dataset.json` of a raw dataset (docs/method.md §2.10). */
export interface DatasetJson {
  /** Dataset folder name such as `Dataset004_Hippocampus`, where it is known. */
  readonly name?: string;
  /** One name per channel, in channel order: "CT", "MRI", "T2", … decides the normalisation. */
  readonly channelNames: readonly string[];
  /** Label name → id, or → ids of a region. Background is 0; "ignore", if present, is the highest. */
  readonly labels: Readonly<Record<string, number | readonly number[]>>;
  /** For region-based training: the label written for each region, later ones win. */
  readonly regionsClassOrder?: readonly number[];
  /** What labels are in a terminology (`label_codes`); DICOM results carry it. */
  readonly labelCodes?: Readonly<Record<string, LabelCodes>>;
  readonly numTraining: number;
  /** ".nii.gz", ".png", … */
  readonly fileEnding: string;
  /** Explicit case files instead of imagesTr/labelsTr, relative to the dataset folder. */
  readonly dataset?: Readonly<Record<string, { readonly images: readonly string[]; readonly label?: string }>>;
  /** Keys that we do not interpret (description, licence, …), kept for writing back. */
  readonly other?: Readonly<Record<string, unknown>>;
}

/**
 * What prediction needs of a dataset.json, and all of it that a trained model carries: no case names, descriptions,
 * references or contacts.
 */
export type ModelDataset = Pick<
  DatasetJson,
  "channelNames" | "labels" | "regionsClassOrder" | "labelCodes" | "fileEnding"
>;

/** A term of a terminology: ("10200004", "SCT", "Liver"). */
export interface CodedConcept {
  readonly value: string;
  /** DICOM's short name of the terminology: "SCT" for SNOMED CT. */
  readonly scheme: string;
  readonly meaning: string;
}

/** What a label is. */
export interface LabelCodes {
  /** "Kidney" */
  readonly type: CodedConcept;
  /** "Anatomical Structure" */
  readonly category?: CodedConcept;
  /** "Left" */
  readonly modifier?: CodedConcept;
  /** Where it is, of what is no organ itself: "Liver" of a tumour. */
  readonly anatomicRegion?: CodedConcept;
  /** "Right lobe" */
  readonly anatomicRegionModifier?: CodedConcept;
}

/** One case of a dataset by its files; nothing is read yet. Paths are absolute. */
export interface CaseFiles {
  readonly id: string;
  /** One file per channel, or one file that holds all channels. */
  readonly images: readonly string[];
  readonly label?: string;
  /** Path → what dataset.json says instead, where that names environment variables; what is told uses it. */
  readonly written?: Readonly<Record<string, string>>;
}

/** A raw dataset folder, opened: its dataset.json and the files of its cases. */
export interface RawDataset {
  readonly folder: string;
  readonly id: number;
  /** Folder name, `Dataset004_Hippocampus`. */
  readonly name: string;
  readonly json: DatasetJson;
  readonly trainingCases: readonly CaseFiles[];
  readonly testCases: readonly CaseFiles[];
}

/** A case in memory whose image has the type that it is stored in: 16 bits need not become 32. */
export interface StoredImageCase {
  readonly id: string;
  readonly image: Volume;
  /** Shape [1, z, y, x], same z, y, x as the image. */
  readonly label?: Volume<Int16Array>;
}

/** A case in memory: all channels as float32, and the labels if it has them. */
export interface LoadedCase {
  readonly id: string;
  readonly image: Volume<Float32Array>;
  /** Shape [1, z, y, x], same z, y, x as the image. */
  readonly label?: Volume<Int16Array>;
}

/** Statistics of foreground voxels of one channel over all training cases. */
export interface IntensityProperties {
  readonly mean: number;
  readonly median: number;
  /** Population standard deviation. */
  readonly std: number;
  readonly min: number;
  readonly max: number;
  readonly percentile005: number;
  readonly percentile995: number;
}

/** `dataset_fingerprint.json`: nnU-Net v2's keys plus what the paper lists (Table A, Figure 5). */
export interface Fingerprint {
  /** One per training case, [z, y, x] mm, in the order of `caseIds` where that is present. */
  readonly spacings: readonly Spacing[];
  readonly shapesAfterCrop: readonly Shape3[];
  /**
   * Of the voxels that nnU-Net v2 draws, equally many from every case, so that each case weighs the same. Index = channel.
   * Absent only from what nnunet-ts measured before it drew as v2 does.
   */
  readonly foregroundIntensityPerChannel?: readonly IntensityProperties[];
  /** Of all foreground voxels of all cases, so that each voxel weighs the same. Absent from what nnU-Net v2 measured. */
  readonly pooledForegroundIntensityPerChannel?: readonly IntensityProperties[];
  /** Median over cases of voxels after cropping / voxels before. */
  readonly medianRelativeSizeAfterCropping: number;
  /* What follows is ours; a fingerprint made by nnU-Net v2 lacks it. */
  readonly caseIds?: readonly string[];
  readonly shapesBeforeCrop?: readonly Shape3[];
  /** Voxels of each label id over all cases, as a fraction of all labelled voxels. */
  readonly classRatios?: Readonly<Record<string, number>>;
  readonly numberOfClasses?: number;
  readonly modalities?: readonly string[];
  /** Which extractor made it. */
  readonly extractor?: string;
}

/** Every decision of the planner, so that a reader can follow it without the code. */
export interface Decision {
  /** "2d", "3d_fullres", "3d_lowres", or "dataset" for what all configurations share. */
  readonly configuration: string;
  /** Stable name of the rule, "patch-size-reduction". */
  readonly rule: string;
  /** Section of the paper or of docs/method.md. */
  readonly source: string;
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly result: unknown;
  readonly rejected: readonly { readonly alternative: unknown; readonly reason: string }[];
  /** One sentence for a person, with the numbers in it. */
  readonly text: string;
}

export interface ResamplingScheme {
  /** Spline order in plane (and along z unless `separateZ` applies). */
  readonly order: number;
  /** Spline order along the coarse axis when it is resampled separately. */
  readonly orderZ: number;
  /** null: decided per image by the anisotropy rule (docs/method.md §3). */
  readonly forceSeparateZ: boolean | null;
}

/** The U-Net of one configuration. Lists have one entry per resolution stage, highest resolution first. */
export interface Architecture {
  readonly kind: "plain" | "residual";
  readonly featuresPerStage: readonly number[];
  readonly kernelSizes: readonly (readonly number[])[];
  /** First entry all 1. */
  readonly strides: readonly (readonly number[])[];
  /** Convolutions (plain) or residual blocks (residual) per encoder stage. */
  readonly convsPerStage: readonly number[];
  /** One entry fewer: the decoder has no bottleneck. */
  readonly convsPerStageDecoder: readonly number[];
  readonly convBias: boolean;
  readonly transposedConvBias: boolean;
  readonly headBias: boolean;
  readonly normEpsilon: number;
  /** 0 is a ReLU. */
  readonly leakyReluSlope: number;
  /** The activation before the norm instead of behind it (nnU-Net v2's `nonlin_first`); plain networks only. */
  readonly activationFirst?: boolean;
  /** Feature maps of the stem of a residual encoder, if not those of the first stage. */
  readonly stemFeatures?: number;
  /**
   * Instance norms if it is not given. "batch": batch norms (paper, Figure 6). "none": a network without norms, whose every convolution has a bias. Those that are imported with batch norms are: at
   * prediction a batch norm is a scale and a shift, and goes into the convolution before it.
   */
  readonly norm?: "none" | "batch";
  /** Kernels of the decoder's convolutions, lowest resolution first, where they do not mirror the encoder's (nnU-Net v1). */
  readonly decoderKernelSizes?: readonly (readonly number[])[];
}

/** One configuration ("2d", "3d_fullres", "3d_lowres", "3d_cascade_fullres") of a plan. */
export interface Configuration {
  readonly dataIdentifier: string;
  readonly batchSize: number;
  /** 2 or 3 entries, [(z,) y, x], voxels; axes after transposition. */
  readonly patchSize: readonly number[];
  /** [z, y, x] or [y, x] after transposition and resampling; may be fractional, as in nnU-Net v2. */
  readonly medianImageSize: readonly number[];
  /** Target spacing, mm, same length and order as `patchSize`. */
  readonly spacing: readonly number[];
  /** Per channel. */
  readonly normalizationSchemes: readonly NormalizationScheme[];
  /** Per channel: statistics from, and effect on, the nonzero region alone. */
  readonly useMaskForNorm: readonly boolean[];
  readonly resamplingData: ResamplingScheme;
  readonly resamplingSeg: ResamplingScheme;
  readonly resamplingProbabilities: ResamplingScheme;
  readonly architecture: Architecture;
  /** Dice over the whole batch instead of the mean over its samples. */
  readonly batchDice: boolean;
  /** The configuration whose segmentation is an extra input (cascade). */
  readonly previousConfiguration?: string;
  readonly nextConfiguration?: string;
  readonly inheritsFrom?: string;
  /** Rotate and scale in plane only, because the patch is anisotropic (paper, Supplement D). */
  readonly dummy2dAugmentation: boolean;
  /** nnU-Net v2 normalises first; the paper-era code resamples first. */
  readonly normalizeBeforeResampling: boolean;
  /** What is averaged over mirrors, overlapping patches and folds. */
  readonly averaging: Averaging;
  /** Name of the augmentation parameter set in `@nnunet/augment`. */
  readonly augmentation: AugmentationSet;
}

/** `plans.json`: nnU-Net v2's schema plus the explanation of every decision. */
export interface Plans {
  readonly datasetName: string;
  readonly plansName: string;
  /** Name of the planner stage that made it. */
  readonly planner: string;
  /** Named set of rules and constants ("paper", "v2", "resenc-l", …). For people; consumers read values. */
  readonly ruleSet: string;
  readonly originalMedianSpacing: Spacing;
  readonly originalMedianShape: Shape3;
  readonly transposeForward: readonly number[];
  readonly transposeBackward: readonly number[];
  readonly imageReaderWriter: string;
  readonly foregroundIntensityPerChannel: readonly IntensityProperties[];
  readonly configurations: Readonly<Record<string, Configuration>>;
  readonly explanation: readonly Decision[];
  /** Where it is a variant of the rule set's plan. */
  readonly variant?: PlansVariant;
}

/** What a plan and its trainings were asked to be, under a name of their own. Plain JSON. */
export interface PlansVariant {
  /** "adam" of `nnUNetPaperPlans_adam`. */
  readonly name: string;
  /** The options that its planner was given. */
  readonly planner: Readonly<Record<string, unknown>>;
  /** Settings and sizes of its trainings, by name; what is not among them has its default. */
  readonly training: Readonly<Record<string, unknown>>;
}

/** What is needed to undo the preprocessing of a case. Shapes and boxes are after transposition. */
export interface PreprocessedProperties {
  readonly id: string;
  /** Of the original image, before transposition. */
  readonly geometry: Geometry;
  readonly originalShape: Shape3;
  readonly transposeForward: readonly number[];
  readonly shapeBeforeCropping: Shape3;
  /** Half-open [first, last + 1) per axis. */
  readonly cropBox: readonly (readonly [number, number])[];
  readonly shapeAfterCropping: Shape3;
  /** Spacing after transposition, before resampling. */
  readonly spacingAfterTranspose: Spacing;
  readonly spacingAfterResampling: Spacing;
  /** Flat voxel indices into the preprocessed [z, y, x] grid per label id (or "a,b" for a region). */
  readonly classLocations: Readonly<Record<string, Int32Array>>;
}

/** A case ready for training or prediction. */
export interface PreprocessedCase {
  readonly data: Float32Array;
  /** [channel, z, y, x] */
  readonly shape: VolumeShape;
  /** Labels, −1 outside the nonzero region; [z, y, x] of `shape`. Absent without a label file. */
  readonly seg?: Int16Array;
  readonly properties: PreprocessedProperties;
}

/** A preprocessed case on disk (or in memory), read patch by patch. */
export interface PreprocessedCaseReader {
  readonly id: string;
  readonly shape: VolumeShape;
  readonly classLocations: Readonly<Record<string, Int32Array>>;
  /**
   * The voxels of a box that lies inside the volume.
   * @param start - [z, y, x]
   * @param size - [z, y, x]
   * @returns `data` of shape [channel, ...size], `seg` of shape `size`
   */
  readPatch(start: Shape3, size: Shape3): Promise<{ data: Float32Array; seg: Int16Array }>;
}

/** `splits_final.json` */
export type Splits = readonly { readonly train: readonly string[]; readonly val: readonly string[] }[];

/** One training batch. For 2D networks the z axis is absent. */
export interface TrainingBatch {
  /** [sample, channel, (z,) y, x] */
  readonly data: Float32Array;
  readonly shape: readonly number[];
  /**
   * One per deep-supervision output, highest resolution first. Shape [sample, 1, (z,) y, x] of label ids, or
   * [sample, region, …] of 0/1 for region-based training. The ignore label keeps its id.
   */
  readonly targets: readonly { readonly data: Int32Array; readonly shape: readonly number[] }[];
  readonly caseIds: readonly string[];
}

/** Batches by number: the same (epoch, iteration) gives the same batch whatever was asked before. */
export interface BatchSource {
  /** Threads that make its batches; absent where the caller's own makes them. */
  readonly workers?: number;
  batch(epoch: number, iteration: number): Promise<TrainingBatch>;
  close(): Promise<void>;
}

/** How far apart the surfaces of one label lie in one case, and how far off its volume is. */
export interface SurfaceMetrics {
  /** The larger of the two directed 95th percentiles of the distances, mm. Infinite if only one of the two has the label. */
  readonly hd95: number;
  /** Mean of all distances, both directions, mm. Infinite likewise. */
  readonly assd: number;
  /** Share of both surfaces that lies within the tolerance of the other, 0 to 1. 0 if only one has the label. */
  readonly nsd: number;
  /** Predicted minus reference, mL; NaN where the image does not say how large its voxels are. */
  readonly volumeErrorMl: number;
  /** The same as a fraction of the reference; NaN where that is empty. */
  readonly relativeVolumeError: number;
}

/** `summary.json`; keys of the records are label ids or "(1, 2)" for regions. */
export interface EvaluationSummary {
  /** Name (and version) of the evaluator stage that scored; a summary of nnU-Net lacks it. */
  readonly evaluator?: string;
  /** What a reader of the scores must know to judge them, one sentence: that they are those of training cases, say. */
  readonly remark?: string;
  readonly foregroundMean: LabelMetrics;
  readonly mean: Readonly<Record<string, LabelMetrics>>;
  readonly cases: readonly {
    readonly referenceFile: string;
    readonly predictionFile: string;
    readonly metrics: Readonly<Record<string, LabelMetrics>>;
    /** Where they were asked for; with the same keys. */
    readonly surfaces?: Readonly<Record<string, SurfaceMetrics>>;
    /** Of cases that belong together, the images of a patient: intervals draw them together. */
    readonly group?: string;
  }[];
  /** Of `nsd` in `surfaces`, mm; absent where no surfaces were compared. */
  readonly surfaceToleranceMm?: number;
}
