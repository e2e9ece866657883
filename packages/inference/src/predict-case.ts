import { elementCount, type PreprocessedCase, ShapeMismatchError, type VolumeShape } from "@nnunet/core";
import { commonNetwork } from "./common-network.ts";
import { inputInMemory } from "./input-planes.ts";
import type { Model } from "./load-model.ts";
import { describeMemory, estimateMemory } from "./memory-estimate.ts";
import { rowsInMemory } from "./score-rows.ts";
import { describeWork, type PredictCaseOptions, slide, slidingWindow } from "./sliding-window.ts";

/** Scores of every class or region on the preprocessed grid. */
export interface CaseScores {
  /** [class or region, z, y, x] */
  readonly scores: Float32Array;
  readonly shape: VolumeShape;
  readonly kind: "logits" | "probabilities";
}

/**
 * Runs one or more networks over a preprocessed case: sliding window, Gaussian weighting, mirroring, and the mean over
 * the models (the folds of one configuration).
 *
 * An image smaller than the patch is padded with zeros on both sides. A 2D network sees slice after slice. What is
 * averaged, probabilities or logits, is the configuration's `averaging`. The result does not depend on `patchesPerRun`
 * beyond what onnxruntime's own rounding does.
 *
 * The scores come as a whole: classes × voxels × 4 bytes. `predictImage` never holds more than some planes of them.
 *
 * @param models - at least one, all of the same configuration
 * @param preprocessed - data [channel, z, y, x] as `preprocessCase` makes it
 * @throws {InvalidArgumentError} if there is no model, or the models do not belong together
 * @throws {ShapeMismatchError} if the case has another number of channels than the model, or the output another shape
 * @throws {InvalidArtifactError} if a model gives NaN or infinite values
 * @throws {UnsupportedError} if the scores do not fit into memory
 * @throws {CancelledError} if `signal` is aborted; checked before every run of a network
 * @example
 * const { scores, shape } = await predictCase([model], preprocessed, { mirroring: false }); // shape: [3, 40, 56, 40]
 * @see paper, Supplement B.1 "Inference"; docs/method.md §7
 */
export async function predictCase(
  models: readonly Model[],
  preprocessed: PreprocessedCase,
  options: PredictCaseOptions = {},
): Promise<CaseScores> {
  const network = commonNetwork(models);
  const input = inputInMemory(preprocessed);
  const window = slidingWindow(network, input, options);
  const { shape } = window;
  const caseId = input.id;
  if (input.data.length !== elementCount(input.shape)) {
    throw new ShapeMismatchError(`data of preprocessed case ${caseId}`, input.shape, [input.data.length]);
  }
  const answersInParts = models.every((model) => model.answersInParts);
  const memory = describeMemory(estimateMemory(network.metadata, preprocessed.shape, { ...options, answersInParts }));
  const text = `case ${caseId}: ${describeWork(window)}, about ${memory}`;
  options.onEvent?.({ type: "message", stage: "predict", level: "info", text });
  const rows = rowsInMemory(shape, shape[1], caseId);
  await slide(models, network, window, input, rows, options);
  return { scores: rows.data, shape, kind: network.configuration.averaging };
}
