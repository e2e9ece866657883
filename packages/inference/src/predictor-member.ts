import type { Model } from "./load-model.ts";

/** One configuration that is ready to predict: its folds, whose mean is taken. */
export interface PredictorMember {
  readonly models: readonly Model[];
  /** In a cascade the folds of the previous configuration, whose segmentation the models get beside the image. */
  readonly previous?: readonly Model[];
}
