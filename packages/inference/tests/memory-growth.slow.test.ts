import { expect, test } from "@jest/globals";
import { axisAlignedGeometry, createRandom, createVolume } from "@nnunet/core";
import { loadModel, predictImage } from "@nnunet/inference";
import { pointwise, tinyMetadata, tinyModelBytes } from "./tiny-model.ts";

test("25 small cases one after another, ten rounds: memory does not grow", async () => {
  const metadata = tinyMetadata([16, 16, 16], { mirrorAxes: [] });
  const network = pointwise([[0.5], [1], [-2]], [0.1, 0, -0.3], 3);
  const model = await loadModel(tinyModelBytes(metadata, network, 3), { threads: 1 });
  const random = createRandom(1);
  const resident: number[] = [];
  for (let round = 0; round < 10; round++) {
    for (let i = 0; i < 25; i++) {
      const shape = [1, 10 + i, 25, 20] as const;
      const data = Float32Array.from({ length: shape[1] * 25 * 20 }, () => random.normal());
      const image = createVolume(data, shape, axisAlignedGeometry([1.2, 1, 1]));
      await predictImage([model], { id: `case_${i}`, image }, { stepFraction: 1 });
    }
    resident.push(process.memoryUsage.rss());
  }
  await model.dispose();
  console.log(resident.map((bytes) => `${(bytes / 1e6).toFixed(0)} MB`).join(", "));
  // The first rounds warm up: code, the runtime's arenas, what the collector leaves lying.
  const [early, late] = [Math.max(...resident.slice(1, 4)), Math.min(...resident.slice(-3))];
  expect(late).toBeLessThan(early * 1.1);
}, 1_800_000); // seconds, but other work may use the cores
