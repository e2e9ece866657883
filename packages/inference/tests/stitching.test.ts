import { expect, test } from "@jest/globals";
import { createRandom } from "@nnunet/core";
import { predictCase } from "@nnunet/inference";
import fc from "fast-check";
import { knownNetwork } from "./known-network.ts";
import { preprocessedCase, tinyMetadata } from "./tiny-model.ts";

const extent = fc.integer({ min: 1, max: 15 });
const side = fc.integer({ min: 1, max: 8 });

test("patches of a network that says x and x + 1 are put together to the image and the image + 1, whatever their size", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.tuple(extent, extent, extent),
      fc.oneof(fc.tuple(side, side, side), fc.tuple(side, side)),
      fc.constantFrom(0.5, 0.3, 1),
      fc.boolean(),
      fc.integer({ min: 1, max: 5 }),
      async (size, patchSize, stepFraction, gaussian, patchesPerRun) => {
        fc.pre(size.reduce((a, n) => a * n, 1) / patchSize.reduce((a, n) => a * n, 1) < 40);
        const metadata = tinyMetadata(patchSize, {
          labels: { background: 0, a: 1 },
          configuration: { averaging: "logits" },
          mirrorAxes: [1],
        });
        const network = knownNetwork(metadata, ([x], output) => x! + output);
        const random = createRandom(1);
        const image = Float32Array.from({ length: size[0] * size[1] * size[2] }, () => random.normal());
        const { scores } = await predictCase([network], preprocessedCase(image, 1, size), {
          stepFraction,
          gaussian,
          patchesPerRun,
        });
        // Sums of up to 4³ patches × 2 copies in float32, of values up to 5.
        for (let i = 0; i < image.length; i++) {
          if (Math.abs(scores[i]! - image[i]!) > 128 * 3e-7) throw new Error(`voxel ${i}: ${scores[i]} is not x`);
          if (Math.abs(scores[image.length + i]! - image[i]! - 1) > 128 * 4e-7)
            throw new Error(`voxel ${i} is not x + 1`);
        }
        expect(scores.length).toBe(2 * image.length);
      },
    ),
    { seed: 1, numRuns: 300 },
  );
}, 60_000);
