// What needs no files: images as bytes in memory, for browsers. Nothing of Node is reached from here.
export { joinChannels } from "./dataset/join-channels.ts";
export type { SegmentationMaker } from "./dicom-seg/about-object.ts";
export type { DicomSource } from "./dicom-seg/dicom-source.ts";
export { labelColour } from "./dicom-seg/label-colours.ts";
export {
  type DicomInMemory,
  encodeDicomSegmentation,
  isDicomBlob,
  listDicomVolumes,
  type NamedBlob,
  readDicomBytes,
} from "./dicom/dicom-bytes.ts";
export type { DicomVolumeInfo } from "./dicom/volumes-among.ts";
export { type PlacementDifference, placementDifference } from "./geometry/same-place.ts";
export type { DicomChoice, ImageWarning } from "./image-format.ts";
export { encodeNifti, readNiftiBytes } from "./nifti/nifti-bytes.ts";
