import type { Predictor, Preprocessor } from "@nnunet/core";
import type { Model } from "./load-model.ts";
import { predictImage } from "./predict-image.ts";

/**
 * The default predictor with a preprocessor of one's own: an image to be segmented has to become what the training cases became.
 *
 * @example createPipeline({ preprocessor: mine, predictor: predictorWithPreprocessor(mine) }); // done unasked
 */
export function predictorWithPreprocessor(preprocessor: Preprocessor): Predictor<Model> {
  const { name, version } = preprocessor;
  return {
    name: `default with preprocessor ${name}`,
    ...(version === undefined ? {} : { version }),
    predictImage: (models, loaded, options) => predictImage(models, loaded, { ...options, preprocessor }),
  };
}
