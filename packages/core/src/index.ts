export type {
  Architecture,
  BatchSource,
  CaseFiles,
  CodedConcept,
  Configuration,
  DatasetJson,
  Decision,
  EvaluationSummary,
  Fingerprint,
  IntensityProperties,
  LabelCodes,
  LoadedCase,
  StoredImageCase,
  ModelDataset,
  Plans,
  PlansVariant,
  PreprocessedCase,
  PreprocessedCaseReader,
  PreprocessedProperties,
  RawDataset,
  ResamplingScheme,
  Splits,
  SurfaceMetrics,
  TrainingBatch,
} from "./artefacts.ts";
export { counted, listed } from "./text/counted.ts";
export { datasetFromJson, datasetToJson } from "./dataset/dataset-json.ts";
export { modelDatasetFromJson, modelDatasetKeys, modelDatasetToJson } from "./dataset/model-dataset-json.ts";
export {
  type AnyNnunetError,
  CancelledError,
  FileError,
  ImageFileError,
  InvalidArgumentError,
  InvalidArtifactError,
  JobsError,
  isNnunetError,
  LimitError,
  NnunetError,
  ShapeMismatchError,
  StageError,
  throwIfCancelled,
  UnknownStageError,
  UnsupportedError,
} from "./errors.ts";
export type { EventListener, NnunetEvent, StageOptions } from "./events.ts";
export { fingerprintFromJson, fingerprintToJson } from "./dataset/fingerprint-json.ts";
export { shownIntensities } from "./dataset/shown-intensities.ts";
export { isJsonObject } from "./json/is-json-object.ts";
export { jsonSchemas } from "./json/json-schemas.ts";
export { type LabelSet, labelSet, noForeground } from "./dataset/label-set.ts";
export { installCudaFiles } from "./cuda-files.ts";
export { gigabytes, isOutOfMemory, type MemoryLimit, memoryLimit, refuseBeyondMemory } from "./memory-limit.ts";
export {
  type AugmentationSet,
  augmentationSets,
  type Averaging,
  averagings,
  type LabelMetrics,
  labelMetrics,
  type NormalizationScheme,
  normalizationSchemes,
} from "./names.ts";
export { MersenneTwister } from "./numbers/mersenne-twister.ts";
export { parseJson, type ParseJsonOptions } from "./json/parse-json.ts";
export { checkPathSegment, pathSegmentProblem } from "./path-segment.ts";
export { alignedColumns } from "./text/aligned-columns.ts";
export { findConfiguration } from "./plans/find-configuration.ts";
export { median, percentile } from "./numbers/percentile.ts";
export { firstNonFinite } from "./numbers/first-non-finite.ts";
export { threadCount } from "./numbers/thread-count.ts";
export { finiteOrNull, meanOfDefined } from "./numbers/undefined-numbers.ts";
export { plansFromJson, plansToJson } from "./plans/plans-json.ts";
export { displayWidth, padded, printable, printableJson, printableName, printableXml } from "./text/printable.ts";
export { createRandom, type RandomGenerator } from "./numbers/random.ts";
export { roundHalfEven } from "./numbers/round-half-even.ts";
export { svgDocument, svgText, type SvgTextStyle } from "./text/svg.ts";
export { show } from "./text/show.ts";
export { shownPoint, shownShape } from "./text/shown-shape.ts";
export type {
  BatchSampler,
  BatchSourceOptions,
  Evaluator,
  FingerprintExtractor,
  NetworkBuilder,
  Planner,
  PlannerOptions,
  Postprocessor,
  PredictionSettings,
  Predictor,
  Preprocessor,
  PreviousSegmentationReader,
  Stage,
  Trainer,
  TrainingTask,
  ValidationCase,
} from "./stages.ts";
export {
  asNdarray,
  axisAlignedGeometry,
  createVolume,
  elementCount,
  type Geometry,
  type GridAsRead,
  type NiftiPlacement,
  type Shape3,
  type Spacing,
  spatialShape,
  type Volume,
  type VolumeShape,
  type VoxelArray,
} from "./volume.ts";
export type { Feature, NetworkGraph, NetworkNode, NetworkSize, Parameter } from "./model/network-graph.ts";
export { inputChannels } from "./model/input-channels.ts";
export {
  type ModelMetadata,
  type ModelOrigin,
  type PreviousStage,
  readOnnxMetadata,
  weightsOfFolds,
} from "./model/model-metadata.ts";
export { type ProtobufField, protobufFields, protobufText } from "./model/protobuf-fields.ts";
export { modelMetadataFromOnnx } from "./model/model-metadata-from-onnx.ts";
