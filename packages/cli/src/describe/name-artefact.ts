import { InvalidArtifactError, isNnunetError } from "@nnunet/core";

const fingerprintKeys: Readonly<Record<string, string>> = {
  spacings: "spacings",
  shapesAfterCrop: "shapes_after_crop",
  foregroundIntensityPerChannel: "foreground_intensity_properties_per_channel",
  pooledForegroundIntensityPerChannel: "pooled_foreground_intensity_properties_per_channel",
  medianRelativeSizeAfterCropping: "median_relative_size_after_cropping",
};

/**
 * Runs a planner. What it refuses of the fingerprint or of dataset.json is told by file and JSON key: a planner knows
 * values only.
 *
 * @throws {InvalidArtifactError} in place of an InvalidArgumentError about `fingerprint.…` or `dataset.…`
 */
export async function namingFiles<T>(
  files: { readonly fingerprint: string; readonly dataset: string },
  work: () => T | Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const [, of, name, rest] =
      (isNnunetError(error, "INVALID_ARGUMENT") && /^(fingerprint|dataset)\.(\w+)(.*)$/s.exec(error.argument)) || [];
    if (!isNnunetError(error, "INVALID_ARGUMENT") || name === undefined) throw error;
    const key = of === "fingerprint" ? (fingerprintKeys[name] ?? name) : name;
    const problem = error.message.slice(`${error.argument}: `.length);
    throw new InvalidArtifactError(files[of as "fingerprint" | "dataset"], `${key}${rest}`, problem, { cause: error });
  }
}
