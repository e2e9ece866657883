import type { Decision, Fingerprint } from "@nnunet/core";

/*
 * All that a report says, as plain data: numbers that are not defined are null, so that it goes through JSON unchanged.
 */

/** A mean with its 95 % confidence interval; null bounds where fewer than two cases have the score. */
export interface Estimate {
  readonly mean: number | null;
  readonly low: number | null;
  readonly high: number | null;
  /** That have the score. */
  readonly cases: number;
}

/** A case: its place in the sorted list of the dataset's case ids, from 1 on, and its id only where names were asked for. */
export interface CaseName {
  readonly number: number;
  readonly id?: string;
}

/** One label or region in one case. */
export interface LabelScore {
  /** Null where neither reference nor prediction has the label. */
  readonly dice: number | null;
  /** Null where the image does not say how large its voxels are; then the voxels count. */
  readonly referenceMl: number | null;
  readonly predictedMl: number | null;
  readonly referenceVoxels: number;
  readonly predictedVoxels: number;
}

export interface CaseScore extends CaseName {
  readonly fold: number | "all";
  /** Mean over the labels that have a Dice in it. */
  readonly dice: number | null;
  /** In the order of the dataset's labels. */
  readonly labels: readonly LabelScore[];
}

export interface LabelSummary {
  /** "1", or "(1, 2)" of a region. */
  readonly key: string;
  readonly name: string;
  /** False where the mean Dice is that of a network which has learnt nothing of it. */
  readonly isFound: boolean;
  readonly dice: Estimate;
  /** (predicted − reference) / reference volume. */
  readonly volumeError: Estimate;
  /** Cases whose reference has it and whose prediction has not, and the other way round. */
  readonly missed: number;
  readonly invented: number;
}

/** A configuration, or an ensemble of two, over the cases of its cross-validation. */
export interface CandidateScore {
  /** `["3d_fullres"]`, or two. */
  readonly configurations: readonly string[];
  readonly folds: readonly (number | "all")[];
  readonly dice: Estimate;
  /** In the order of the dataset's labels. */
  readonly labels: readonly Estimate[];
  /** How often the chosen one is better when the cases are drawn anew; null of the chosen one, and of too few cases. */
  readonly chosenIsBetter: number | null;
  /** What that allows to say; null of the chosen one. */
  readonly certainty: "too few cases" | "clear" | "close" | null;
}

/** A configuration on the images of imagesTs. */
export interface TestScore {
  readonly configurations: readonly string[];
  readonly dice: Estimate;
  /** In the order of the dataset's labels. */
  readonly labels: readonly Estimate[];
}

/** What was decided, and what is to be known of the decision. */
export interface Choice {
  readonly configurations: readonly string[];
  /** By `find-best`, which compares ensembles too, or only by the highest mean of what was trained. */
  readonly by: "selection" | "highest mean";
  /** Sentences. */
  readonly reasons: readonly string[];
  readonly notCompared: readonly { readonly what: string; readonly why: string }[];
}

export interface PostprocessingTrial {
  /** "keep the largest component of label 1" */
  readonly what: string;
  readonly before: number | null;
  readonly after: number | null;
  readonly accepted: boolean;
}

/** The training of one fold. */
export interface TrainingCurves {
  readonly configuration: string;
  readonly fold: number | "all";
  /** False of one that was stopped, or is still running. */
  readonly isFinished: boolean;
  readonly epochs: readonly {
    readonly epoch: number;
    readonly trainLoss: number;
    readonly validationLoss: number;
    /** Mean over the classes that occurred. */
    readonly patchDice: number | null;
    readonly seconds: number;
  }[];
}

export interface NetworkDrawing {
  readonly configuration: string;
  /** An SVG document that code of ours drew. */
  readonly svg: string;
}

/** One job of the run. */
export interface JobSummary {
  readonly id: string;
  readonly state: "done" | "failed" | "to do" | "not measured";
  /** Why it failed, how far it is. */
  readonly detail?: string;
  readonly seconds: number | null;
  /** At its peak. */
  readonly memoryGb: number | null;
}

/** Outlines of one label on a slice, as paths in pixels. */
export interface LabelOutline {
  readonly name: string;
  readonly reference: string;
  readonly prediction: string;
}

/** A slice through a case: the image and what reference and prediction say of it. */
export interface SlicePicture {
  /** "the slice with the largest error" */
  readonly shows: string;
  /** "axial, slice 34 of 51" */
  readonly place: string;
  /** Columns and rows. */
  readonly width: number;
  readonly height: number;
  /** Height of a pixel as a multiple of its width. */
  readonly pixelAspect: number;
  /** Width of a pixel in mm; null where the image does not say. */
  readonly pixelMm: number | null;
  /** What lies at the left, right, upper and lower edge: "R", "L", "A", "P", "S", "I"; "" where that is not known. */
  readonly edges: readonly [left: string, right: string, top: string, bottom: string];
  /** A grey PNG, base64. */
  readonly png: string;
  readonly outlines: readonly LabelOutline[];
  /** Filled areas, as paths in pixels: reference without prediction, prediction without reference, wrong label. */
  readonly missed: string;
  readonly added: string;
  readonly confused: string;
}

export interface ShownCase extends CaseName {
  readonly role: "best" | "median" | "worst";
  readonly dice: number;
  /** "channel 0, CT" */
  readonly channel: string;
  readonly slices: readonly SlicePicture[];
}

export interface ReportData {
  readonly dataset: {
    readonly name: string;
    readonly channels: readonly string[];
    readonly labels: readonly { readonly key: string; readonly name: string }[];
    readonly trainingCases: number;
    readonly testCases: number;
  };
  /** Without case ids. */
  readonly fingerprint?: Fingerprint;
  readonly plan?: {
    readonly name: string;
    readonly ruleSet: string;
    readonly planner: string;
    readonly decisions: readonly Decision[];
  };
  readonly networks: readonly NetworkDrawing[];
  /** Best first. */
  readonly candidates: readonly CandidateScore[];
  readonly choice?: Choice;
  /** How the cases were divided into folds, where some had to stay together. */
  readonly division?: {
    /** "column patient of a table", "the pattern ^(patient\d+)_"; absent where that is not known. */
    readonly by?: string;
    readonly groups: number;
    /** False where a fold is trained on one case of a group and validated on another. */
    readonly isKept: boolean;
  };
  /** What a budget gave up. */
  readonly givenUp?: {
    /** "60 min" */
    readonly budget: string;
    readonly sentences: readonly string[];
  };
  /** Of the chosen candidate. */
  readonly scores?: {
    readonly configurations: readonly string[];
    /** Whose scores these are: a final predictor may change its segmentations after the network. */
    readonly shows: "what is handed over" | "before postprocessing" | "one configuration";
    /** True if the networks had seen the cases: nothing follows for new ones. */
    readonly isOfTrainingCases: boolean;
    /** Cases, or groups of cases that belong together. */
    readonly independentCases: number;
    /** From fewer of them no claim can be made. */
    readonly fewestToTell: number;
    readonly dice: Estimate;
    readonly labels: readonly LabelSummary[];
    readonly cases: readonly CaseScore[];
    /** What `summary.json` of a fold says is to be known of its cases. */
    readonly remarks: readonly string[];
  };
  readonly shownCases: readonly ShownCase[];
  /** Of images that no training and no choice has seen; empty where there are none with references. */
  readonly tests: readonly TestScore[];
  readonly trainings: readonly TrainingCurves[];
  readonly postprocessing: readonly PostprocessingTrial[];
  readonly jobs: readonly JobSummary[];
  /** What could not be reported, and other things to know, one sentence each. */
  readonly warnings: readonly string[];
  readonly software: string;
  /** How the networks were trained, one sentence for those alike: "3d_fullres, folds 0 and 1: epochs 1000, …". */
  readonly recipes?: readonly string[];
  /** Stages of one's own and what they made: "3d_fullres, fold 0: trainer mine (sha256 …)". */
  readonly ownStages?: readonly string[];
  /** A hash of all this without pictures and jobs: equal where there is nothing new to say. */
  readonly madeFrom: string;
  /** What the report speaks of, by content. */
  readonly files: readonly { readonly name: string; readonly sha256: string }[];
}
