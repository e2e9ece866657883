import { expect, test } from "@jest/globals";
import type { NormalizationScheme, Volume } from "@nnunet/core";
import { numbersInMemory } from "@nnunet/kernels";
import { preprocessCase, preprocessImage } from "@nnunet/preprocess";
import fc from "fast-check";
import { dataset, makeCase, makePlans } from "./make-case.ts";

const extent = fc.integer({ min: 3, max: 14 });

test("an image plane by plane, its voxels as they are stored: bit by bit what the whole case becomes", () => {
  let open = 0;
  const room = {
    open(length: number) {
      open++;
      return { ...numbersInMemory(length), close: () => void open-- };
    },
  };
  fc.assert(
    fc.property(
      fc.tuple(extent, extent, extent),
      fc.constantFrom([1, 1.1, 1.2], [4, 1, 1], [1, 5, 1], [0.6, 0.7, 3]),
      fc.constantFrom([0.7, 0.9, 1.3], [2, 1.1, 0.8], [1, 1.1, 1.2], [6, 1, 1]),
      fc.constantFrom([0, 1, 2], [2, 0, 1], [1, 2, 0], [2, 1, 0]),
      fc.constantFrom<NormalizationScheme>("CT", "ZScore", "NoNormalization", "Rescale0To1", "RGBTo0To1"),
      fc.boolean(),
      fc.boolean(),
      fc.integer({ min: 1, max: 2 }),
      fc.constantFrom(0, 1),
      fc.constantFrom("float32", "int16", "uint8"),
      (shape, spacing, target, transpose, scheme, useMask, first, channels, margin, type) => {
        const loaded = makeCase(shape, spacing as [number, number, number], { channels, margin });
        const stored: Volume =
          type === "float32"
            ? loaded.image
            : { ...loaded.image, data: (type === "int16" ? Int16Array : Uint8Array).from(loaded.image.data) };
        const float = { ...loaded.image, data: Float32Array.from(stored.data) };
        const plans = makePlans(
          {
            spacing: target,
            normalizationSchemes: Array(channels).fill(scheme),
            useMaskForNorm: Array(channels).fill(useMask),
            normalizeBeforeResampling: first,
          },
          transpose,
        );
        const statistics = {
          ...plans,
          foregroundIntensityPerChannel: Array(channels).fill(plans.foregroundIntensityPerChannel[0]),
        };
        const run = (work: () => { values: Float32Array; shape: unknown; properties: unknown }) => {
          try {
            return work();
          } catch (error) {
            return (error as Error).message; // RGB values beyond 255 after the cubic spline
          }
        };
        const expected = run(() => {
          const whole = preprocessCase({ id: "a", image: float }, statistics, "test", dataset);
          return { values: whole.data, shape: whole.shape, properties: whole.properties };
        });
        const got = run(() => {
          const { numbers, ...rest } = preprocessImage({ id: "a", image: stored }, statistics, "test", room);
          const values = new Float32Array(rest.shape.reduce((a, b) => a * b, 1));
          numbers.read(values, 0);
          numbers.close();
          return { values, ...rest };
        });
        expect(got).toEqual(expected);
        expect(open).toBe(0);
      },
    ),
    { seed: 1, numRuns: 300 },
  );
});
