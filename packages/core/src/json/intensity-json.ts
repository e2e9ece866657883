import { z } from "zod";
import type { IntensityProperties } from "../artefacts.ts";
import { InvalidArtifactError } from "../errors.ts";
import { finite } from "./json-numbers.ts";

export const expectedIntensities = 'expected foreground statistics per channel, {"0": {…}, …}';

/** Foreground statistics per channel as nnU-Net v2 writes them: `{"0": {…}, "1": {…}}`. */
export const intensityPerChannelSchema = z.record(
  z.string(),
  z.object(
    {
      mean: finite,
      median: finite,
      std: z.number({ error: "expected a number of at least 0" }).min(0, { error: "expected a number of at least 0" }),
      min: finite,
      max: finite,
      percentile_00_5: finite,
      percentile_99_5: finite,
    },
    { error: "expected the foreground statistics of one channel" },
  ),
  { error: expectedIntensities },
);

type IntensityJson = z.infer<typeof intensityPerChannelSchema>;

/**
 * Index = channel. The keys must be "0" … "n−1".
 *
 * @throws {InvalidArtifactError} if a channel is left out, or its percentiles are the wrong way round
 */
export function intensityFromJson(
  json: IntensityJson,
  path: string,
  field = "foreground_intensity_properties_per_channel",
): IntensityProperties[] {
  const channels = Object.keys(json).length;
  return Array.from({ length: channels }, (_, channel) => {
    const statistics = json[channel];
    if (!statistics) {
      const problem = `expected the channels "0", "1", … without a gap, "${channel}" is missing`;
      throw new InvalidArtifactError(path, field, problem);
    }
    const { percentile_00_5: percentile005, percentile_99_5: percentile995 } = statistics;
    if (percentile005 > percentile995) {
      const problem = `expected percentile_00_5 to be at most percentile_99_5, got ${percentile005} and ${percentile995}`;
      throw new InvalidArtifactError(path, `${field}.${channel}`, problem);
    }
    const { mean, median, std, min, max } = statistics;
    return { mean, median, std, min, max, percentile005, percentile995 };
  });
}

export function intensityToJson(perChannel: readonly IntensityProperties[]): IntensityJson {
  return Object.fromEntries(
    perChannel.map(({ percentile005, percentile995, mean, median, std, min, max }, channel) => [
      String(channel),
      { max, mean, median, min, percentile_00_5: percentile005, percentile_99_5: percentile995, std },
    ]),
  );
}
