export { madeFromMark, renderReport, reportMarker } from "./render-report.ts";
export type {
  CandidateScore,
  CaseName,
  CaseScore,
  Choice,
  Estimate,
  JobSummary,
  LabelOutline,
  LabelScore,
  LabelSummary,
  NetworkDrawing,
  PostprocessingTrial,
  ReportData,
  ShownCase,
  SlicePicture,
  TestScore,
  TrainingCurves,
} from "./report-data.ts";
export { type ChosenSlice, chooseSlices } from "./slices/choose-slices.ts";
export { type DrawnSlice, drawSlice, type SlicedCase } from "./slices/slice-picture.ts";
