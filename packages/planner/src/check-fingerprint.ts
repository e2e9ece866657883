import { type DatasetJson, type Fingerprint, InvalidArgumentError } from "@nnunet/core";

/**
 * Refuses a fingerprint from which no plan can be made, so that the rules can trust theirs.
 *
 * @throws {InvalidArgumentError} names the field, the case and the value
 */
export function checkFingerprint(fingerprint: Fingerprint, dataset: DatasetJson): void {
  const { spacings, shapesAfterCrop, foregroundIntensityPerChannel, medianRelativeSizeAfterCropping } = fingerprint;
  if (spacings.length === 0) {
    throw new InvalidArgumentError("fingerprint.spacings", "at least one training case", spacings);
  }
  if (shapesAfterCrop.length !== spacings.length) {
    const what = `one shape per spacing (${spacings.length})`;
    throw new InvalidArgumentError("fingerprint.shapesAfterCrop", what, shapesAfterCrop.length);
  }
  for (const [i, spacing] of spacings.entries()) {
    if (!(spacing.length === 3 && spacing.every((s) => s > 0 && Number.isFinite(s)))) {
      throw new InvalidArgumentError(`fingerprint.spacings[${i}]`, "three positive numbers [z, y, x] in mm", spacing);
    }
  }
  for (const [i, shape] of shapesAfterCrop.entries()) {
    if (!(shape.length === 3 && shape.every((n) => Number.isInteger(n) && n > 0))) {
      throw new InvalidArgumentError(`fingerprint.shapesAfterCrop[${i}]`, "three positive integers [z, y, x]", shape);
    }
  }
  const channels = dataset.channelNames;
  if (foregroundIntensityPerChannel.length !== channels.length) {
    const what = `statistics of ${channels.length} channel(s), as dataset.json lists (${channels.join(", ")})`;
    throw new InvalidArgumentError(
      "fingerprint.foregroundIntensityPerChannel",
      what,
      foregroundIntensityPerChannel.length,
    );
  }
  for (const [channel, statistics] of foregroundIntensityPerChannel.entries()) {
    for (const [name, value] of Object.entries(statistics)) {
      if (Number.isFinite(value)) continue;
      const field = `fingerprint.foregroundIntensityPerChannel[${channel}].${name}`;
      throw new InvalidArgumentError(field, "a finite number", value);
    }
  }
  if (!(medianRelativeSizeAfterCropping > 0 && medianRelativeSizeAfterCropping <= 1)) {
    const field = "fingerprint.medianRelativeSizeAfterCropping";
    throw new InvalidArgumentError(field, "a fraction in (0, 1]", medianRelativeSizeAfterCropping);
  }
  if (!(Number.isInteger(dataset.numTraining) && dataset.numTraining > 0)) {
    throw new InvalidArgumentError("dataset.numTraining", "a positive integer", dataset.numTraining);
  }
  if (Object.keys(dataset.labels).length < 2) {
    throw new InvalidArgumentError("dataset.labels", "background and at least one class", dataset.labels);
  }
}
