import { expect, test } from "@jest/globals";
import { axisAlignedGeometry, createVolume, type VolumeShape } from "@nnunet/core";
import { tinyMetadata } from "../../inference/tests/tiny-model.ts";
import { strangeIntensities } from "../src/prediction/strange-intensities.ts";

const shape: VolumeShape = [2, 2, 5, 5];
const image = (values: (i: number) => number) =>
  createVolume(
    Float32Array.from({ length: 100 }, (_, i) => values(i)),
    shape,
    axisAlignedGeometry([1, 1, 1]),
  );
const model = (scheme: "CT" | "ZScore") =>
  tinyMetadata([4, 4, 4], { channels: 2, configuration: { normalizationSchemes: [scheme, scheme] } });

test("an image that shows nothing is told of, whatever its normalisation", () => {
  const black = image((i) => (i < 50 ? i : 0));
  for (const scheme of ["CT", "ZScore"] as const) {
    expect(strangeIntensities("a", black, model(scheme))).toBe(
      "case a shows nothing: every voxel of channel 1 is 0; is it the right file?",
    );
  }
});

test("other intensities than the trained ones are told of where the normalisation takes them as they are", () => {
  const far = image((i) => 1000 + i);
  expect(strangeIntensities("a", far, model("ZScore"))).toBeUndefined();
  expect(strangeIntensities("a", far, model("CT"))).toBe(
    "case a is far from what the model was trained on: channel 0 has values from 1000 to 1049, and hardly any in -4 to 4, where the trained structures lie; is the unit right?",
  );
  expect(
    strangeIntensities(
      "a",
      image((i) => i % 7),
      model("CT"),
    ),
  ).toBeUndefined();
});
