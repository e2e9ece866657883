import { expect, test } from "@jest/globals";
import { fingerprintFromJson, fingerprintToJson } from "@nnunet/core";

const statistics = { max: 9, mean: 4, median: 4, min: 1, percentile_00_5: 1, percentile_99_5: 8.5, std: 2 };
// biome-ignore lint/suspicious/noExplicitAny: JSON that the tests damage on purpose
const madeByPython = (): any => ({
  spacings: [
    [3, 0.5, 0.5],
    [2.5, 0.6, 0.6],
  ],
  shapes_after_crop: [
    [20, 300, 310],
    [24, 256, 256],
  ],
  foreground_intensity_properties_per_channel: { "0": { ...statistics }, "1": { ...statistics } },
  median_relative_size_after_cropping: 0.9,
});

test("reads the fingerprint of Python nnU-Net v2 and writes it back", () => {
  const fingerprint = fingerprintFromJson(madeByPython(), "f.json");
  expect(fingerprint.spacings[1]).toEqual([2.5, 0.6, 0.6]);
  expect(fingerprint.foregroundIntensityPerChannel).toHaveLength(2);
  expect(JSON.parse(JSON.stringify(fingerprintToJson(fingerprint)))).toEqual(madeByPython());
});

test("keeps what nnunet-ts adds", () => {
  const json = {
    ...madeByPython(),
    pooled_foreground_intensity_properties_per_channel: { "0": { ...statistics }, "1": { ...statistics, mean: 5 } },
    case_ids: ["a", "b"],
    shapes_before_crop: madeByPython().shapes_after_crop,
    class_ratios: { "0": 0.9, "1": 0.1 },
    number_of_classes: 1,
    modalities: ["CT", "PET"],
    extractor: "default",
  };
  expect(JSON.parse(JSON.stringify(fingerprintToJson(fingerprintFromJson(json, "f.json"))))).toEqual(json);
});

test("what nnunet-ts wrote under nnU-Net v2's key before it drew voxels as v2 does is of all voxels, and not passed on as v2's", () => {
  const earlier = { ...madeByPython(), case_ids: ["a", "b"] };
  const fingerprint = fingerprintFromJson(earlier, "f.json");
  expect(fingerprint.foregroundIntensityPerChannel).toBeUndefined();
  expect(fingerprint.pooledForegroundIntensityPerChannel).toHaveLength(2);
  const again = JSON.parse(JSON.stringify(fingerprintToJson(fingerprint)));
  expect(Object.keys(again)).not.toContain("foreground_intensity_properties_per_channel");
  expect(fingerprintFromJson(again, "f.json")).toEqual(fingerprint);
});

test.each<[string, (json: ReturnType<typeof madeByPython>) => void, string]>([
  [
    "negative spacing",
    (json) => (json.spacings[1][0] = -3),
    "f.json → spacings[1][0]: expected a positive number, got -3",
  ],
  ["NaN", (json) => (json.spacings[0][2] = Number.NaN), "f.json → spacings[0][2]: expected a positive number, got NaN"],
  [
    "mismatched lengths",
    (json) => json.shapes_after_crop.pop(),
    "f.json → shapes_after_crop: expected 2 entries, one per entry of spacings, got 1",
  ],
  [
    "zero cases",
    (json) => Object.assign(json, { spacings: [], shapes_after_crop: [] }),
    "f.json → spacings: lists no training case; at least one is needed",
  ],
  [
    "missing statistics",
    (json) => delete json.foreground_intensity_properties_per_channel,
    'f.json → foreground_intensity_properties_per_channel: is missing; expected foreground statistics per channel, {"0": {…}, …}',
  ],
  [
    "statistics of different channels",
    (json) => (json.pooled_foreground_intensity_properties_per_channel = { "0": statistics }),
    "f.json → pooled_foreground_intensity_properties_per_channel: expected 2 channels, as in foreground_intensity_properties_per_channel, got 1",
  ],
  [
    "a missing channel",
    (json) => delete json.foreground_intensity_properties_per_channel["0"],
    'f.json → foreground_intensity_properties_per_channel: expected the channels "0", "1", … without a gap, "0" is missing',
  ],
  [
    "a missing percentile",
    (json) => delete json.foreground_intensity_properties_per_channel["1"].percentile_99_5,
    "f.json → foreground_intensity_properties_per_channel.1.percentile_99_5: is missing; expected a finite number",
  ],
  [
    "percentiles the wrong way round",
    (json) => (json.foreground_intensity_properties_per_channel["1"].percentile_00_5 = 99),
    "f.json → foreground_intensity_properties_per_channel.1: expected percentile_00_5 to be at most percentile_99_5, got 99 and 8.5",
  ],
  [
    "a shape of two numbers",
    (json) => json.shapes_after_crop[0].pop(),
    "f.json → shapes_after_crop[0]: expected three positive integers [z, y, x], got [20, 300]",
  ],
])("a wrong fingerprint is refused by field: %s", (_, damage, message) => {
  const json = madeByPython();
  damage(json);
  let error: unknown;
  try {
    fingerprintFromJson(json, "f.json");
  } catch (caught) {
    error = caught;
  }
  expect((error as Error)?.message).toBe(message);
});
