import type { ModelMetadata, NnunetEvent, Volume } from "@nnunet/core";
import type { DicomChoice } from "@nnunet/io";
import type { Carried } from "../workers/carry-error.ts";
import type { EmbeddedPredictorOptions, Prediction } from "./embedded-predictor.ts";

/** What is loaded, once. */
export interface PredictorSource
  extends Pick<EmbeddedPredictorOptions, "folds" | "configuration" | "device" | "threads"> {
  readonly path: string | readonly string[];
}

/** How an image is predicted; the same for all. */
export interface PredictionHow
  extends Required<Pick<EmbeddedPredictorOptions, "mirroring" | "stepFraction">>,
    Pick<EmbeddedPredictorOptions, "maxMemoryGb" | "maxPatches"> {}

/** What the worker thread is given at its start. */
export interface PredictorWorkerData {
  readonly source: PredictorSource;
  readonly how: PredictionHow;
}

export type ToPredictor =
  | {
      readonly type: "predict";
      readonly call: number;
      readonly input: string | Volume;
      readonly choice: DicomChoice;
    }
  | { readonly type: "cancel"; readonly call: number }
  | { readonly type: "dispose" };

export type FromPredictor =
  | { readonly type: "loaded"; readonly answer: Carried<ModelMetadata> }
  | { readonly type: "event"; readonly call: number; readonly event: NnunetEvent }
  | { readonly type: "progress"; readonly call: number; readonly fraction: number }
  | { readonly type: "done"; readonly call: number; readonly answer: Carried<Prediction> }
  | { readonly type: "disposed" };
