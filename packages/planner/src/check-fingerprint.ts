import { type DatasetJson, type Fingerprint, InvalidArgumentError } from "@nnunet/core";

/**
 * Refuses a fingerprint from which no plan can be made, so that the rules can trust theirs.
 *
 * @throws {InvalidArgumentError} names the field, the case and the value
 */
export function checkFingerprint(fingerprint: Fingerprint, dataset: DatasetJson): void {
  const { spacings, shapesAfterCrop, medianRelativeSizeAfterCropping } = fingerprint;
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
  checkIntensities(fingerprint, dataset.channelNames);
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

function checkIntensities(fingerprint: Fingerprint, channels: readonly string[]): void {
  const named = (["foregroundIntensityPerChannel", "pooledForegroundIntensityPerChannel"] as const).flatMap((name) => {
    const statistics = fingerprint[name];
    return statistics ? [{ field: `fingerprint.${name}`, statistics }] : [];
  });
  if (named.length === 0) {
    const what = "statistics of the foreground of every channel";
    throw new InvalidArgumentError("fingerprint.foregroundIntensityPerChannel", what, undefined);
  }
  for (const { field, statistics } of named) {
    if (statistics.length !== channels.length) {
      const what = `statistics of ${channels.length} channel(s), as dataset.json lists (${channels.join(", ")})`;
      throw new InvalidArgumentError(field, what, statistics.length);
    }
    for (const [channel, properties] of statistics.entries()) {
      for (const [name, value] of Object.entries(properties)) {
        if (Number.isFinite(value)) continue;
        throw new InvalidArgumentError(`${field}[${channel}].${name}`, "a finite number", value);
      }
    }
  }
}
