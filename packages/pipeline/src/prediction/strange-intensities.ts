import type { ModelMetadata, Volume } from "@nnunet/core";

/**
 * Whether there is nothing to see in an image, or it has other intensities than the model was trained on, where the
 * normalisation takes them as they are (CT, unnormalised). Returns a warning, or undefined.
 */
export function strangeIntensities(
  caseId: string,
  image: Volume,
  { plans, configuration }: Pick<ModelMetadata, "plans" | "configuration">,
): string | undefined {
  const { normalizationSchemes } = plans.configurations[configuration]!;
  const voxels = image.data.length / image.shape[0];
  for (const [channel, scheme] of normalizationSchemes.entries()) {
    const trained = plans.foregroundIntensityPerChannel[channel];
    const asTheyAre = trained && (scheme === "CT" || scheme === "NoNormalization");
    const { percentile005: low, percentile995: high } = trained ?? { percentile005: NaN, percentile995: NaN };
    let [least, most, within] = [Infinity, -Infinity, 0];
    for (let i = channel * voxels; i < (channel + 1) * voxels; i++) {
      const value = image.data[i]!;
      if (value < least) least = value;
      if (value > most) most = value;
      if (value >= low && value <= high) within++;
    }
    if (least === most) {
      return `case ${caseId} shows nothing: every voxel of channel ${channel} is ${Number(least.toPrecision(4))}; is it the right file?`;
    }
    if (!asTheyAre || within / voxels >= 1e-3) continue;
    const range = (a: number, b: number) => `${Number(a.toPrecision(4))} to ${Number(b.toPrecision(4))}`;
    return `case ${caseId} is far from what the model was trained on: channel ${channel} has values from ${range(least, most)}, and hardly any in ${range(low, high)}, where the trained structures lie; is the unit right?`;
  }
  return undefined;
}
