import type { Predictor } from "@nnunet/core";
import type { Model } from "./load-model.ts";
import { predictImage } from "./predict-image.ts";

/** Preprocessing, sliding window and the way back to the image's grid, as a stage. */
export const defaultPredictor: Predictor<Model> = { name: "default", predictImage };
