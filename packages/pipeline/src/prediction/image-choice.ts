import type { DicomChoice } from "@nnunet/io";

/**
 * What chooses in the folder of an image: nothing where the image was converted from the DICOM files in which series and
 * volume choose.
 */
export function imageChoice({
  seriesUid,
  volume,
  convertedFrom,
}: DicomChoice & { readonly convertedFrom?: unknown }): DicomChoice {
  return convertedFrom === undefined ? { seriesUid, volume } : {};
}
