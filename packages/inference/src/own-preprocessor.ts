import { InvalidArgumentError, type ModelMetadata, type Preprocessor, type StoredImageCase } from "@nnunet/core";
import { checkPreprocessed, type NumberRoom, type PreprocessedImage } from "@nnunet/preprocess";

/** What a stage of one's own makes of an image without its label, where `room` says. */
export function preprocessByOwn(
  preprocessor: Preprocessor,
  { id, image }: StoredImageCase,
  { plans, configuration, dataset }: Pick<ModelMetadata, "plans" | "configuration" | "dataset">,
  room: NumberRoom,
): PreprocessedImage {
  const data = image.data instanceof Float32Array ? image.data : Float32Array.from(image.data);
  const made = preprocessor.preprocessCase({ id, image: { ...image, data } }, plans, configuration, dataset);
  checkPreprocessed(made, { id, channels: image.shape[0], labelled: false, dataset }, preprocessor.name);
  const { shape, properties } = made;
  const numbers = room.open(made.data.length);
  numbers.write(made.data, 0);
  return { shape, numbers, properties };
}

/**
 * A network sees what its training cases became, or guesses.
 *
 * @throws {InvalidArgumentError} if the models were trained on cases of another preprocessor than this one
 */
export function refuseOtherPreprocessor(
  models: readonly { readonly metadata: Pick<ModelMetadata, "stages"> }[],
  preprocessor: Preprocessor | undefined,
): void {
  const now = preprocessor ? [preprocessor.name, preprocessor.version].filter(Boolean).join(" ") : "default";
  for (const { metadata } of models) {
    // The hash is of a whole config file, which an augmentation in it changes too.
    const trained = (metadata.stages?.["preprocessor"] ?? "default").replace(/ \(sha256 [0-9a-f]{16}\)$/, "");
    if (trained === now) continue;
    const expected = `${trained}, as in training: load the config that brings it (preprocessor of nnunet.config.ts), or leave one's own out (a predictor of one's own wraps predictorWithPreprocessor)`;
    throw new InvalidArgumentError("preprocessor", expected, now);
  }
}
