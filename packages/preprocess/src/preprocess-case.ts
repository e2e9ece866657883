import {
  type Configuration,
  type ModelDataset,
  elementCount,
  findConfiguration,
  InvalidArgumentError,
  type LoadedCase,
  labelSet,
  memoryLimit,
  type Plans,
  type PreprocessedCase,
  type PreprocessedProperties,
  type Preprocessor,
  refuseBeyondMemory,
  type Shape3,
  ShapeMismatchError,
  type Spacing,
  type StoredImageCase,
  spatialShape,
} from "@nnunet/core";
import {
  type Box,
  boxShape,
  cropTransposed,
  nonzeroBox,
  nonzeroRegion,
  resampleImage,
  resampleLabels,
} from "@nnunet/kernels";
import { classLocations } from "./class-locations.ts";
import { normalizeChannel } from "./normalize.ts";
import { preprocessingBytes } from "./preprocessing-bytes.ts";
import { kernelOptions, labelOptions, resampledGrid, resampledShape, targetSpacingFor } from "./resampling-plan.ts";

/** Label written where the image is zero and nothing is annotated. */
const OUTSIDE = -1;

export interface PreprocessCaseOptions {
  /** What it may take at its peak; no limit by default. The pipeline and the command line give what is free. */
  readonly maxMemoryGb?: number | undefined;
}

/**
 * Transposes a case, crops it to its nonzero region, normalises it and resamples it to the spacing of a configuration.
 *
 * Everything follows from the values in `plans`: the order of normalising and resampling, per channel the scheme, the
 * spline orders. A 2D configuration keeps the case's own spacing along axis 0. Without a label the result has no
 * `seg`, and the nonzero region serves wherever one is needed (z-score in mask).
 *
 * Works channel by channel; beyond input and output it holds about one channel.
 *
 * @param loaded - image [c, z, y, x] float32, and the label if there is one; neither is changed
 * @returns data [c, z, y, x] on the new grid, `seg` [z, y, x], and what undoes the way
 * @throws {UnknownStageError} if the plans lack the configuration
 * @throws {InvalidArgumentError} if they do not fit the case
 * @throws {ShapeMismatchError} if image and label differ in shape
 * @throws {LimitError} if it would take more than `maxMemoryGb`
 * @example preprocessCase(loaded, plans, "3d_fullres", dataset).shape; // [1, 40, 56, 40]
 * @see Isensee et al. 2021, Methods, "Intensity normalization", "Resampling"; docs/method.md §3
 */
export function preprocessCase(
  loaded: LoadedCase,
  plans: Plans,
  configurationName: string,
  dataset: ModelDataset,
  { maxMemoryGb }: PreprocessCaseOptions = {},
): PreprocessedCase {
  const configuration = findConfiguration(plans, configurationName);
  const { image, label } = loaded;
  const channels = image.shape[0];
  const originalShape = spatialShape(image);
  checkCase(loaded, configuration, configurationName);
  const grid = resampledGrid(originalShape, image.geometry.spacing, plans.transposeForward, configuration);
  refuseBeyondMemory(
    `preprocessing case ${loaded.id} (resampled to ${[...grid].reverse().join(" × ")} voxels)`,
    preprocessingBytes(channels, Math.max(elementCount(originalShape), elementCount(grid))),
    memoryLimit(maxMemoryGb),
    "use a coarser configuration",
  );

  const axes = plans.transposeForward;
  const needsMask = usesMask(configuration);
  const labelled = label !== undefined || needsMask;
  const { box, cropped: croppedSeg } = labelled
    ? croppedLabels(loaded, axes)
    : { box: nonzeroBox(image.data, image.shape), cropped: undefined };
  const layout = caseLayout(loaded, box, axes, configuration);
  const { spacingAfterTranspose: spacing, spacingAfterResampling: targetSpacing, shapeAfterCropping: shape } = layout;
  const target = resampledShape(shape, spacing, targetSpacing);

  // Labels first: their int16 volumes are small beside what follows.
  const segOptions = labelOptions(configuration.resamplingSeg, spacing, targetSpacing);
  const seg =
    croppedSeg && (label || !configuration.normalizeBeforeResampling)
      ? resampleLabels(croppedSeg, shape, target, segOptions)
      : undefined;
  const mask = needsMask ? inside(configuration.normalizeBeforeResampling ? croppedSeg! : seg!) : undefined;

  const dataOptions = kernelOptions(configuration.resamplingData, spacing, targetSpacing, "resampling_fn_data");
  const voxels = elementCount(originalShape);
  const targetVoxels = elementCount(target);
  const data = new Float32Array(channels * targetVoxels);
  const sameGrid = shape.every((n, i) => n === target[i]);
  const work = sameGrid ? undefined : new Float32Array(elementCount(shape));
  for (let c = 0; c < channels; c++) {
    const normalize = (values: Float32Array) =>
      normalizeChannel(
        values,
        configuration.normalizationSchemes[c]!,
        plans.foregroundIntensityPerChannel[c],
        configuration.useMaskForNorm[c] ? mask : undefined,
      );
    const out = data.subarray(c * targetVoxels, (c + 1) * targetVoxels);
    const channel = image.data.subarray(c * voxels, (c + 1) * voxels);
    const cropped = cropTransposed(channel, originalShape, box, axes, work ?? out);
    if (configuration.normalizeBeforeResampling) normalize(cropped);
    if (work) resampleImage(work, shape, target, { ...dataOptions, overwriteInput: true, out });
    if (!configuration.normalizeBeforeResampling) normalize(out);
  }

  return {
    data,
    shape: [channels, ...target],
    ...(label && { seg: seg! }),
    properties: { ...layout, classLocations: label ? classLocations(seg!, labelSet(dataset)) : {} },
  };
}

/** Whether a channel is normalised by what lies in the nonzero region. */
export function usesMask({ normalizationSchemes, useMaskForNorm }: Configuration): boolean {
  return normalizationSchemes.some((scheme, c) => scheme === "ZScore" && useMaskForNorm[c]);
}

/** Where the crop of a case lies, and what is resampled to what. */
export function caseLayout(
  { id, image }: StoredImageCase,
  box: Box,
  axes: readonly number[],
  configuration: Configuration,
): Omit<PreprocessedProperties, "classLocations"> {
  const turned = <T>(v: readonly [T, T, T]): readonly [T, T, T] => [v[axes[0]!]!, v[axes[1]!]!, v[axes[2]!]!];
  const originalShape = spatialShape(image);
  const spacingAfterTranspose: Spacing = turned(image.geometry.spacing);
  const cropBox = turned(box as unknown as readonly [Box[number], Box[number], Box[number]]);
  return {
    id,
    geometry: image.geometry,
    originalShape,
    transposeForward: [...axes],
    shapeBeforeCropping: turned(originalShape),
    cropBox,
    shapeAfterCropping: boxShape(cropBox) as unknown as Shape3,
    spacingAfterTranspose,
    spacingAfterResampling: targetSpacingFor(configuration, spacingAfterTranspose),
  };
}

/** nnU-Net's preprocessing, as every rule set's plans describe it. */
export const defaultPreprocessor: Preprocessor = { name: "default", preprocessCase };

/**
 * The crop, and the label inside it, transposed, with −1 where it is 0 and the image is zero. Without a label: 0 and −1.
 * A function of its own so that the mask of the whole image can be freed before the float volumes come.
 */
export function croppedLabels(
  { image, label }: StoredImageCase,
  axes: readonly number[],
): { box: Box; cropped: Int16Array } {
  const { mask, box } = nonzeroRegion(image.data, image.shape);
  const shape = spatialShape(image);
  const region = cropTransposed(mask, shape, box, axes);
  const cropped = label ? cropTransposed(label.data, shape, box, axes) : new Int16Array(region.length);
  for (let i = 0; i < cropped.length; i++) {
    if (cropped[i] === 0 && region[i] === 0) cropped[i] = OUTSIDE;
  }
  return { box, cropped };
}

export function inside(seg: Int16Array): Uint8Array {
  const mask = new Uint8Array(seg.length);
  for (let i = 0; i < seg.length; i++) mask[i] = seg[i]! >= 0 ? 1 : 0;
  return mask;
}

export function checkCase({ id, image, label }: StoredImageCase, configuration: Configuration, name: string): void {
  if (image.shape[0] !== configuration.normalizationSchemes.length) {
    throw new InvalidArgumentError(
      `image of case ${id}`,
      `${configuration.normalizationSchemes.length} channels, as the plans of ${name} say`,
      image.shape[0],
    );
  }
  if (label && !spatialShape(label).every((n, i) => n === image.shape[i + 1])) {
    throw new ShapeMismatchError(
      `label of case ${id}`,
      spatialShape(image),
      spatialShape(label),
      "labels must lie on the grid of the image",
    );
  }
}
