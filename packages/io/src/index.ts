export { isDicomFile, readImage, readImageInfo, writeImage } from "./image-file.ts";
export { imageFiles, writtenFiles } from "./image-files.ts";
export type { DicomChoice, ImageFormat, ImageWarning, ReadImageOptions, WriteImageOptions } from "./image-format.ts";
export {
  imageEnding,
  imageFormats,
  imageStem,
  readableEndings,
  saysItsPlace,
  writableEndings,
} from "./image-formats.ts";
export { writeNiftiChannels } from "./nifti/write-nifti-channels.ts";
export { encodePng } from "./png/png.ts";
export { planeGeometry, saysItsSpacing } from "./geometry/plane-geometry.ts";
export { voxelPlace } from "./geometry/voxel-place.ts";
export type { ImageInfo } from "./image-info.ts";
export { channelFileName, channelOfStem } from "./dataset/channel-name.ts";
export { convertDataset } from "./dataset/convert-dataset.ts";
export type { ConvertOptions } from "./dataset/convert-picture-folder.ts";
export { openDataset } from "./dataset/dataset-folder.ts";
export { type FixedProblem, type FixResult, fixDataset } from "./verification/fix-dataset.ts";
export { findDatasetFolder } from "./dataset/find-dataset.ts";
export { callingFilesAsWritten } from "./dataset/as-written.ts";
export { readCase, readStoredImage, warnOfLabelElsewhere } from "./dataset/read-case.ts";
export { readLabels } from "./dataset/read-labels.ts";
export { type PlacementDifference, placementDifference } from "./geometry/same-place.ts";
export type { DatasetProblem, ProblemKind, VerificationReport } from "./verification/verification-report.ts";
export { verifyDataset } from "./verification/verify-dataset.ts";
export { type DicomSeriesInfo, listDicomSeries, readDicom } from "./dicom/dicom-series.ts";
export type { SegmentationMaker } from "./dicom-seg/about-object.ts";
export type { DicomSource } from "./dicom-seg/dicom-source.ts";
export {
  type DicomSegmentationOptions,
  readDicomSource,
  refuseOtherPlace,
  writeDicomSegmentation,
} from "./dicom-seg/write-dicom-segmentation.ts";
