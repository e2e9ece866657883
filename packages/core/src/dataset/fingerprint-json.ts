import { z } from "zod";
import type { Fingerprint } from "../artefacts.ts";
import { largestSpacing, longestAxis, mostChannels, smallestSpacing } from "../json/artefact-bounds.ts";
import { InvalidArtifactError } from "../errors.ts";
import {
  expectedIntensities,
  intensityFromJson,
  intensityPerChannelSchema,
  intensityToJson,
} from "../json/intensity-json.ts";
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

/** `dataset_fingerprint.json`: nnU-Net v2's four keys with its meaning, and ours, which Python nnU-Net ignores. */
export const fingerprintSchema = z
  .object(
    {
      spacings: list(three(spacing, "three positive numbers [z, y, x] in mm"), "one spacing per training case"),
      shapes_after_crop: list(shape, "one shape per training case"),
      foreground_intensity_properties_per_channel: intensityPerChannelSchema
        .optional()
        .describe("Of as many voxels from every case, as nnU-Net v2 draws them"),
      pooled_foreground_intensity_properties_per_channel: intensityPerChannelSchema
        .optional()
        .describe("Of all foreground voxels of all cases"),
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
  return {
    spacings: parsed.spacings as unknown as Spacing[],
    shapesAfterCrop: parsed.shapes_after_crop as unknown as Shape3[],
    ...intensitiesFromJson(parsed, path),
    medianRelativeSizeAfterCropping: parsed.median_relative_size_after_cropping,
    ...(parsed.case_ids && { caseIds: parsed.case_ids }),
    ...(parsed.shapes_before_crop && { shapesBeforeCrop: parsed.shapes_before_crop as unknown as Shape3[] }),
    ...(parsed.class_ratios && { classRatios: parsed.class_ratios }),
    ...(parsed.number_of_classes !== undefined && { numberOfClasses: parsed.number_of_classes }),
    ...(parsed.modalities && { modalities: parsed.modalities }),
    ...(parsed.extractor !== undefined && { extractor: parsed.extractor }),
  };
}

const drawnKey = "foreground_intensity_properties_per_channel";
const pooledKey = `pooled_${drawnKey}`;

/** Fingerprints of nnunet-ts had the statistics of all voxels under nnU-Net v2's key before they had both. */
function intensitiesFromJson(
  parsed: z.infer<typeof fingerprintSchema>,
  path: string,
): Pick<Fingerprint, "foregroundIntensityPerChannel" | "pooledForegroundIntensityPerChannel"> {
  const drawn = parsed[drawnKey] && channelsFromJson(parsed[drawnKey], path, drawnKey);
  const pooled = parsed[pooledKey] && channelsFromJson(parsed[pooledKey], path, pooledKey);
  if (!drawn && !pooled) {
    throw new InvalidArtifactError(path, drawnKey, `is missing; ${expectedIntensities}`);
  }
  if (drawn && pooled && drawn.length !== pooled.length) {
    const problem = `expected ${drawn.length} channels, as in ${drawnKey}, got ${pooled.length}`;
    throw new InvalidArtifactError(path, pooledKey, problem);
  }
  const isOurs = parsed.extractor !== undefined || parsed.case_ids !== undefined;
  if (drawn && !pooled && isOurs) return { pooledForegroundIntensityPerChannel: drawn };
  return {
    ...(drawn && { foregroundIntensityPerChannel: drawn }),
    ...(pooled && { pooledForegroundIntensityPerChannel: pooled }),
  };
}

function channelsFromJson(json: z.infer<typeof intensityPerChannelSchema>, path: string, field: string) {
  const channels = intensityFromJson(json, path, field);
  if (channels.length === 0) {
    const problem = "has no channel; expected the foreground statistics of every channel";
    throw new InvalidArtifactError(path, field, problem);
  }
  if (channels.length > mostChannels) {
    throw new InvalidArtifactError(path, field, `expected at most ${mostChannels} channels, got ${channels.length}`);
  }
  return channels;
}

/** The JSON of `dataset_fingerprint.json`; `fingerprintFromJson` gives the same fingerprint back. */
export function fingerprintToJson(fingerprint: Fingerprint): unknown {
  const { caseIds, shapesBeforeCrop, classRatios, numberOfClasses, modalities, extractor } = fingerprint;
  const { foregroundIntensityPerChannel: drawn, pooledForegroundIntensityPerChannel: pooled } = fingerprint;
  return {
    ...(drawn && { [drawnKey]: intensityToJson(drawn) }),
    ...(pooled && { [pooledKey]: intensityToJson(pooled) }),
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
