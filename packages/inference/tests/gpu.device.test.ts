/*
 * Needs a GPU. Run with
 *   node --experimental-vm-modules node_modules/jest/bin/jest.js --testPathIgnorePatterns /node_modules/ \
 *     --testMatch '<rootDir>/packages/inference/tests/*.device.test.ts'
 */
import { describe, expect, test } from "@jest/globals";
import { createRandom, elementCount, isNnunetError, type Shape3 } from "@nnunet/core";
import { loadModel, predictCase } from "@nnunet/inference";
import { buildNetwork, initialiseWeights, writeOnnxModel } from "@nnunet/unet-model";
import { preprocessedCase, tinyMetadata } from "./tiny-model.ts";

const random = createRandom(3);
const size: Shape3 = [20, 40, 36];
const image = preprocessedCase(
  Float32Array.from({ length: elementCount(size) }, () => random.normal()),
  1,
  size,
);

const network = (patchSize: readonly number[]) => {
  const metadata = tinyMetadata(patchSize);
  const { architecture } = metadata.plans.configurations["tiny"]!;
  const graph = buildNetwork(architecture, { inputChannels: 1, outputChannels: 3, patchSize });
  return writeOnnxModel(graph, [initialiseWeights(graph, createRandom(0))], metadata);
};

for (const device of ["cuda", "webgpu"] as const) {
  const reason = await loadModel(network([32, 32]), { device }).then(
    (model) => model.dispose(),
    (error: Error) => {
      if (!isNnunetError(error, "UNSUPPORTED")) throw error;
      return error.message;
    },
  );
  if (reason !== undefined) console.warn(`skipped: ${reason}`);
  (reason === undefined ? describe : describe.skip)(device, () => {
    test.each([[[16, 32, 32]], [[32, 32]]])("patch %j: the same scores as on the CPU", async (patchSize) => {
      const gpu = await loadModel(network(patchSize), { device });
      const cpu = await loadModel(network(patchSize));
      const [a, b] = [await predictCase([gpu], image), await predictCase([cpu], image)];
      let worst = 0;
      for (let i = 0; i < a.scores.length; i++) worst = Math.max(worst, Math.abs(a.scores[i]! - b.scores[i]!));
      expect(worst).toBeLessThan(1e-3); // convolutions may use TF32: 10 bits of mantissa
      await gpu.dispose();
      await cpu.dispose();
    });
  });
}
