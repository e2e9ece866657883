import type { ModelMetadata, NnunetEvent, Volume } from "@nnunet/core";
import type { Device } from "@nnunet/inference";
import type { Fold } from "../folders.ts";
import type { Carried } from "../workers/carry-error.ts";

/** What is loaded, once. */
export interface PredictorSource {
  readonly path: string | readonly string[];
  readonly folds?: readonly Fold[] | undefined;
  readonly configuration?: string | undefined;
  readonly device?: Device | undefined;
  readonly threads?: number | undefined;
}

/** How an image is predicted; the same for all. */
export interface PredictionHow {
  readonly mirroring: boolean;
  readonly stepFraction: number;
  readonly maxMemoryGb?: number | undefined;
  readonly maxPatches?: number | undefined;
}

/** What the worker thread is given at its start. */
export interface PredictorWorkerData {
  readonly source: PredictorSource;
  readonly how: PredictionHow;
}

/** A segmentation, and what is odd about the image that it was made from. */
export interface Prediction {
  /** The case's name: that of its file without channel and ending. Empty for a volume from memory. */
  readonly id: string;
  /** Label ids, [1, z, y, x] in the geometry of the image. */
  readonly segmentation: Volume<Int16Array>;
  /** One sentence each: the image lies far from what was trained, say. */
  readonly warnings: readonly string[];
}

export type ToPredictor =
  | { readonly type: "predict"; readonly call: number; readonly input: string | Volume<Float32Array> }
  | { readonly type: "cancel"; readonly call: number }
  | { readonly type: "dispose" };

export type FromPredictor =
  | { readonly type: "loaded"; readonly answer: Carried<ModelMetadata> }
  | { readonly type: "event"; readonly call: number; readonly event: NnunetEvent }
  | { readonly type: "progress"; readonly call: number; readonly fraction: number }
  | { readonly type: "done"; readonly call: number; readonly answer: Carried<Prediction> }
  | { readonly type: "disposed" };
