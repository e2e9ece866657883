export { readImage, readImageInfo, writeImage, type WriteImageOptions } from "./image-file.ts";
export type { ImageInfo } from "./image-info.ts";
export { type ConvertOptions, convertDataset } from "./convert-dataset.ts";
export { openDataset } from "./dataset-folder.ts";
export { findDatasetFolder } from "./find-dataset.ts";
export { readCase } from "./read-case.ts";
export type { DatasetProblem, ProblemKind, VerificationReport } from "./verification-report.ts";
export { verifyDataset } from "./verify-dataset.ts";
export { type DicomOptions, type DicomSeriesInfo, listDicomSeries, readDicom } from "./dicom-series.ts";
