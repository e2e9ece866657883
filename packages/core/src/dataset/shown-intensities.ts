import type { Fingerprint, IntensityProperties } from "../artefacts.ts";

/** What a person is shown of the foreground's intensities, per channel: of all voxels, or of those drawn where nothing else was measured. */
export function shownIntensities(fingerprint: Fingerprint): readonly IntensityProperties[] {
  return fingerprint.pooledForegroundIntensityPerChannel ?? fingerprint.foregroundIntensityPerChannel ?? [];
}
