import { z } from "zod";
import type { Fingerprint } from "../artefacts.ts";
import { largestSpacing, longestAxis, mostChannels, smallestSpacing } from "../json/artefact-bounds.ts";
import { InvalidArtifactError } from "../errors.ts";
import { intensityFromJson, intensityPerChannelSchema, intensityToJson } from "../json/intensity-json.ts";
import { finite, list, nonNegativeInteger, positiveInteger, segment, text, three } from "../json/json-numbers.ts";
import { parseArtifact } from "../json/parse-artifact.ts";
import type { Shape3, Spacing } from "../volume.ts";

const tooLong = `expected at most ${longestAxis} voxels`;
const shape = three(positiveInteger.max(longestAxis, { error: tooLong }), "three positive integers [z, y, x]");
const isPositive = "expected a positive number";
const millimetres = `expected ${smallestSpacing} to ${largestSpacing} mm`;
const spacing = z
  .number({ error: isPositive })
  .positive({ error: isPositive })
  .min(smallestSpacing, { error: millimetres })
  .max(largestSpacing, { error: millimetres });
const fraction = z
  .number({ error: "expected a fraction in (0, 1]" })
  .gt(0, { error: "expected a fraction in (0, 1]" })
  .max(1, { error: "expected a fraction in (0, 1]" });

/** `dataset_fingerprint.json`: nnU-Net v2's four keys, and ours, which Python nnU-Net ignores. */
export const fingerprintSchema = z
  .object(
    {
      spacings: list(three(spacing, "three positive numbers [z, y, x] in mm"), "one spacing per training case"),
      shapes_after_crop: list(shape, "one shape per training case"),
      foreground_intensity_properties_per_channel: intensityPerChannelSchema,
      median_relative_size_after_cropping: fraction.describe("Voxels after cropping / before, median over the cases"),
      case_ids: list(segment, "one id per training case").optional(),
      shapes_before_crop: list(shape, "one shape per training case").optional(),
      class_ratios: z
        .record(z.string(), finite.min(0, { error: "expected a ratio of at least 0" }))
        .optional()
        .describe("Share of each label id among all labelled voxels"),
      number_of_classes: nonNegativeInteger.optional(),
      modalities: list(text, "one modality per channel").optional(),
      extractor: text.optional(),
    },
    { error: "expected a dataset fingerprint (a JSON object)" },
  )
  .meta({ title: "dataset_fingerprint.json", description: "What nnunet-ts and nnU-Net v2 measure of a dataset" });

/**
 * Reads `dataset_fingerprint.json`, whether nnU-Net v2 or we wrote it.
 *
 * @param path - named in errors
 * @throws {InvalidArtifactError} names the field: a key is missing, a spacing is not positive, the lists differ in
 *   length, there is no case, or a channel has no statistics
 */
export function fingerprintFromJson(json: unknown, path: string): Fingerprint {
  const parsed = parseArtifact(fingerprintSchema, json, path);
  const cases = parsed.spacings.length;
  if (cases === 0) {
    throw new InvalidArtifactError(path, "spacings", "lists no training case; at least one is needed");
  }
  for (const key of ["shapes_after_crop", "case_ids", "shapes_before_crop"] as const) {
    const length = parsed[key]?.length;
    if (length !== undefined && length !== cases) {
      throw new InvalidArtifactError(path, key, `expected ${cases} entries, one per entry of spacings, got ${length}`);
    }
  }
  const foregroundIntensityPerChannel = intensityFromJson(parsed.foreground_intensity_properties_per_channel, path);
  if (foregroundIntensityPerChannel.length === 0) {
    const problem = "has no channel; expected the foreground statistics of every channel";
    throw new InvalidArtifactError(path, "foreground_intensity_properties_per_channel", problem);
  }
  if (foregroundIntensityPerChannel.length > mostChannels) {
    const problem = `expected at most ${mostChannels} channels, got ${foregroundIntensityPerChannel.length}`;
    throw new InvalidArtifactError(path, "foreground_intensity_properties_per_channel", problem);
  }
  return {
    spacings: parsed.spacings as unknown as Spacing[],
    shapesAfterCrop: parsed.shapes_after_crop as unknown as Shape3[],
    foregroundIntensityPerChannel,
    medianRelativeSizeAfterCropping: parsed.median_relative_size_after_cropping,
    ...(parsed.case_ids && { caseIds: parsed.case_ids }),
    ...(parsed.shapes_before_crop && { shapesBeforeCrop: parsed.shapes_before_crop as unknown as Shape3[] }),
    ...(parsed.class_ratios && { classRatios: parsed.class_ratios }),
    ...(parsed.number_of_classes !== undefined && { numberOfClasses: parsed.number_of_classes }),
    ...(parsed.modalities && { modalities: parsed.modalities }),
    ...(parsed.extractor !== undefined && { extractor: parsed.extractor }),
  };
}

/** The JSON of `dataset_fingerprint.json`; `fingerprintFromJson` gives the same fingerprint back. */
export function fingerprintToJson(fingerprint: Fingerprint): unknown {
  const { caseIds, shapesBeforeCrop, classRatios, numberOfClasses, modalities, extractor } = fingerprint;
  return {
    foreground_intensity_properties_per_channel: intensityToJson(fingerprint.foregroundIntensityPerChannel),
    median_relative_size_after_cropping: fingerprint.medianRelativeSizeAfterCropping,
    shapes_after_crop: fingerprint.shapesAfterCrop,
    spacings: fingerprint.spacings,
    ...(caseIds && { case_ids: caseIds }),
    ...(shapesBeforeCrop && { shapes_before_crop: shapesBeforeCrop }),
    ...(classRatios && { class_ratios: classRatios }),
    ...(numberOfClasses !== undefined && { number_of_classes: numberOfClasses }),
    ...(modalities && { modalities }),
    ...(extractor !== undefined && { extractor }),
  };
}
