import {
  type Configuration,
  type PreprocessedProperties,
  ShapeMismatchError,
  spatialShape,
  type Volume,
} from "@nnunet/core";
import { type Box, cropTransposed, resampleLabels } from "@nnunet/kernels";
import { labelOptions, resampledShape, targetSpacingFor } from "./resampling-plan.ts";

/**
 * A segmentation of an original image on the grid of a configuration: transposed, cropped as the image was, and
 * resampled as labels are. That is how the first network of a cascade tells the second what it found, in training and
 * in prediction.
 *
 * @param segmentation - [1, z, y, x] label ids in the axes of the original image
 * @param properties - of the image, preprocessed for whatever configuration of the plan: all crop alike
 * @param configuration - the one whose grid is asked for
 * @returns labels [z, y, x], and their shape
 * @throws {ShapeMismatchError} if the segmentation is not on the grid of the original image
 * @example segmentationOnGrid(segmentation, lowResolution.properties, plans.configurations["3d_cascade_fullres"]!).shape;
 * @see docs/method.md §7, "Cascade"
 */
export function segmentationOnGrid(
  segmentation: Volume<Int16Array>,
  properties: Omit<PreprocessedProperties, "classLocations" | "spacingAfterResampling">,
  configuration: Configuration,
): { readonly seg: Int16Array; readonly shape: PreprocessedProperties["shapeAfterCropping"] } {
  const { originalShape, cropBox, transposeForward, shapeAfterCropping, spacingAfterTranspose } = properties;
  const shape = spatialShape(segmentation);
  if (segmentation.shape[0] !== 1 || shape.some((n, axis) => n !== originalShape[axis])) {
    const expected = [1, ...originalShape];
    throw new ShapeMismatchError(`previous segmentation of case ${properties.id}`, expected, segmentation.shape);
  }
  const box = transposeForward
    .map((axis, i) => [axis, cropBox[i]!] as const)
    .sort(([a], [b]) => a - b)
    .map(([, range]) => range) as unknown as Box;
  const cropped = cropTransposed(segmentation.data, originalShape, box, transposeForward);
  const spacing = targetSpacingFor(configuration, spacingAfterTranspose);
  const target = resampledShape(shapeAfterCropping, spacingAfterTranspose, spacing);
  const options = labelOptions(configuration.resamplingSeg, spacingAfterTranspose, spacing);
  return { seg: resampleLabels(cropped, shapeAfterCropping, target, options), shape: target };
}
