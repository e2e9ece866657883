import type { LoadedCase, Volume } from "@nnunet/core";
import {
  preprocessCase,
  probabilityChannels,
  restoreProbabilities,
  restoreSegmentation,
  segmentationOnGrid,
} from "@nnunet/preprocess";
import { commonNetwork } from "./common-network.ts";
import type { Model } from "./load-model.ts";
import { type PredictCaseOptions, predictCase } from "./predict-case.ts";
import { checkPrevious, withPreviousChannels } from "./previous-stage.ts";
import { refuseOtherOrientation } from "./refuse-other-orientation.ts";
import { type PredictionLimits, predictionSize, refuseLargePrediction } from "./prediction-size.ts";

export interface PredictImageOptions extends PredictCaseOptions, PredictionLimits {
  /** Also return the probabilities on the original grid: channels × voxels × 4 bytes. False by default. */
  readonly probabilities?: boolean;
  /** Is given the same channel by channel, so that they never lie in memory as a whole; see `Predictor` of `@nnunet/core`. */
  readonly onProbabilities?: (channel: Float32Array) => Promise<void>;
  /** Where the models are the second network of a cascade: the folds of the first, which segments the image for them. */
  readonly previous?: readonly Model[];
}

/**
 * From an image to its segmentation with nothing but model files: preprocessing as the model's plans say, prediction,
 * and back to the original grid. The second network of a cascade needs the models of the first (`previous`), which
 * segments the image before it.
 *
 * @param models - the folds of one configuration
 * @param loaded - the image, [channel, z, y, x]; its label, if any, is not looked at
 * @returns the segmentation, [1, z, y, x] label ids in the geometry of the image, and on request the probabilities,
 *   [class or region, z, y, x]
 * @throws {LimitError} if the case is more than `maxMemoryGb` or `maxPatches` allow, before anything is done
 * @throws {UnsupportedError} if the model was trained elsewhere on images turned to RAS, and this one is not
 * @throws {InvalidArgumentError} if `previous` is missing, or is another first network than the one trained with
 * @throws what {@link predictCase} throws, and what preprocessing throws of an image that does not fit the plans
 * @example
 * const { segmentation } = await predictImage([await loadModel("model.onnx")], { id: "case_1", image });
 */
export async function predictImage(
  models: readonly Model[],
  loaded: LoadedCase,
  options: PredictImageOptions = {},
): Promise<{ segmentation: Volume<Int16Array>; probabilities?: Volume<Float32Array> }> {
  const { metadata, configuration, labels } = commonNetwork(models);
  const { id, image } = loaded;
  refuseOtherOrientation(metadata, loaded);
  const size = predictionSize(models, { shape: image.shape, spacing: image.geometry.spacing }, options);
  refuseLargePrediction(id, size, options);
  const { previous: given, probabilities: asked, onProbabilities, ...rest } = options;
  const previous = checkPrevious(models, given);
  const first = previous && (await predictImage(previous, loaded, rest)).segmentation;
  const own = preprocessCase({ id, image }, metadata.plans, metadata.configuration, metadata.dataset);
  const { properties } = own;
  const preprocessed = first
    ? withPreviousChannels(own, segmentationOnGrid(first, properties, configuration), labels.foreground)
    : own;
  const { scores, shape, kind } = await predictCase(models, preprocessed, rest);
  const segmentation = restoreSegmentation(scores, shape, properties, configuration, labels, { kind });
  if (onProbabilities) {
    const channels = probabilityChannels(scores, shape, properties, configuration, labels, { kind });
    for (const channel of channels) await onProbabilities(channel);
  }
  if (!asked) return { segmentation };
  const probabilities = restoreProbabilities(scores, shape, properties, configuration, labels, { kind });
  return { segmentation, probabilities };
}
