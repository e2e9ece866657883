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

/** Trained on CT where structures lie between two values. */
function trainedOn(low: number, high: number) {
  const plain = model("CT");
  const foregroundIntensityPerChannel = plain.plans.foregroundIntensityPerChannel.map((channel) => ({
    ...channel,
    percentile005: low,
    percentile995: high,
  }));
  return { ...plain, plans: { ...plain.plans, foregroundIntensityPerChannel } };
}
const hounsfield = [-1000, -850, -90, 0, 50, 1200];
const ct = (change: (value: number) => number) => image((i) => change(hounsfield[i % 6]!));

test("CT whose scanner's offset was never taken off is told of, although its lungs lie where the trained structures do", () => {
  expect(
    strangeIntensities(
      "a",
      ct((hu) => hu),
      trainedOn(-150, 350),
    ),
  ).toBeUndefined();
  const offset = ct((hu) => hu + 1024);
  expect(strangeIntensities("a", offset, trainedOn(-150, 350))).toBe(
    "case a is far from what the model was trained on: channel 0 has values from 24 to 2224, and hardly any below -50, as Hounsfield units have, while the trained structures lie in -150 to 350; is the unit right?",
  );
  // Trained on what is masked to the inside of an organ, say: nothing says that there should be fat or air.
  expect(strangeIntensities("a", offset, trainedOn(20, 350))).toBeUndefined();
});

test("values a thousand times too large are told of, although 0 stays 0", () => {
  const thousandfold = ct((hu) => 1000 * hu);
  expect(strangeIntensities("a", thousandfold, trainedOn(-900, 700))).toBe(
    "case a is far from what the model was trained on: channel 0 has values from -1000000 to 1200000, and only few in -900 to 700, where the trained structures lie; is the unit right?",
  );
  for (const [low, high] of [
    [-900, 700],
    [-40, 70],
  ] as const) {
    expect(
      strangeIntensities(
        "a",
        ct((hu) => hu),
        trainedOn(low, high),
      ),
    ).toBeUndefined();
  }
});
