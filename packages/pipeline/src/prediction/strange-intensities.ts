import type { ModelMetadata, Volume } from "@nnunet/core";

/** Share of the voxels; of less there is hardly any. */
const HARDLY_ANY = 1e-3;
/** Hounsfield units: every CT has fat and air below, but for what is cut out of an organ. */
const FAT = -50;
/** So many times as wide a range as the trained structures have no two tissues of one modality; the table and metal are left out. */
const WIDE = 100;
/** Voxels that tell how wide a range is. */
const SAMPLE = 10_000;

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
  const rounded = (value: number) => Number(value.toPrecision(4));
  const range = (a: number, b: number) => `${rounded(a)} to ${rounded(b)}`;
  for (const [channel, scheme] of normalizationSchemes.entries()) {
    const trained = plans.foregroundIntensityPerChannel[channel];
    const { percentile005: low, percentile995: high } = trained ?? { percentile005: NaN, percentile995: NaN };
    let [least, most, within, below] = [Infinity, -Infinity, 0, 0];
    for (let i = channel * voxels; i < (channel + 1) * voxels; i++) {
      const value = image.data[i]!;
      if (value < least) least = value;
      if (value > most) most = value;
      if (value >= low && value <= high) within++;
      if (value < FAT) below++;
    }
    if (least === most) {
      return `case ${caseId} shows nothing: every voxel of channel ${channel} is ${rounded(least)}; is it the right file?`;
    }
    if (!trained || (scheme !== "CT" && scheme !== "NoNormalization")) continue;
    const far = (what: string) =>
      `case ${caseId} is far from what the model was trained on: channel ${channel} has values from ${range(least, most)}, and ${what}; is the unit right?`;
    const where = `in ${range(low, high)}, where the trained structures lie`;
    if (within < HARDLY_ANY * voxels) return far(`hardly any ${where}`);
    const [first, last] = middle(image.data.subarray(channel * voxels, (channel + 1) * voxels));
    if (high > low && last - first > WIDE * (high - low)) return far(`only few ${where}`);
    // As scanners store it, 1024 higher, lungs lie where soft tissue should; windowed for the eye, everything does.
    if (scheme === "CT" && low < FAT && below < HARDLY_ANY * voxels) {
      return far(
        `hardly any below ${FAT}, as Hounsfield units have, while the trained structures lie in ${range(low, high)}`,
      );
    }
  }
  return undefined;
}

/** The percentiles 1 and 99, of some voxels at equal distances. */
function middle(values: Volume["data"]): [number, number] {
  const step = Math.ceil(values.length / SAMPLE);
  const some = Float32Array.from({ length: Math.ceil(values.length / step) }, (_, i) => values[i * step]!).sort();
  return [some[Math.floor(0.01 * some.length)]!, some[Math.ceil(0.99 * some.length) - 1]!];
}
