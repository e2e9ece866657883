import { describe, expect, test } from "@jest/globals";
import { createRandom, elementCount, isNnunetError } from "@nnunet/core";
import { type Device, deepSupervisionWeights, diceCrossEntropy, ortEngine, sgd } from "@nnunet/trainer";
import { buildNetwork, initialiseWeights } from "@nnunet/unet-model";

/*
 * Needs a WebGPU adapter: a GPU, or a software one such as SwiftShader (VK_ICD_FILENAMES names its json file).
 * Run by hand: npm run test:device
 */
describe.each(["2d", "3d"])("five steps on WebGPU, %s", (kind) => {
  test("give the losses of the CPU", async () => {
    const cpu = await train("cpu", kind === "3d");
    const gpu = await train("webgpu", kind === "3d").catch((error: unknown) => {
      if (isNnunetError(error, "UNSUPPORTED")) console.warn(`skipped: ${error.message}`);
      else throw error;
    });
    // half of 1e-4: both compute in float32 and sum in different orders, five steps in a row
    if (gpu) expect(gpu).toEqual(cpu.map((loss) => expect.closeTo(loss, 4)));
  }, 600_000);
});

async function train(device: Device, volume: boolean): Promise<number[]> {
  const axes = <T>(value: T): T[] => new Array(volume ? 3 : 2).fill(value);
  const patchSize = axes(volume ? 8 : 16);
  const graph = buildNetwork(
    {
      kind: "plain",
      featuresPerStage: [4, 8, 8],
      kernelSizes: [axes(3), axes(3), axes(3)],
      strides: [axes(1), axes(2), axes(2)],
      convsPerStage: [2, 2, 2],
      convsPerStageDecoder: [2, 2],
      convBias: true,
      transposedConvBias: false,
      headBias: false,
      normEpsilon: 1e-5,
      leakyReluSlope: 0.01,
    },
    { inputChannels: 1, outputChannels: 2, patchSize },
  );
  const session = await ortEngine.compile(graph, initialiseWeights(graph, createRandom(0)), {
    batchSize: 2,
    loss: diceCrossEntropy({ batchDice: true }),
    outputWeights: deepSupervisionWeights(graph.outputs.length),
    optimiser: sgd(),
    device,
  });
  const random = createRandom(1);
  const losses: number[] = [];
  for (let step = 0; step < 5; step++) {
    const data = Float32Array.from({ length: 2 * elementCount(patchSize) }, () => random.normal());
    const targets = graph.outputs.map(({ spatial }, i) => {
      const shape = [2, 1, ...spatial];
      return {
        data: Int32Array.from({ length: elementCount(shape) }, (_, v) => (i === 0 && data[v]! > 0.5 ? 1 : 0)),
        shape,
      };
    });
    losses.push((await session.step({ data, shape: [2, 1, ...patchSize], targets, caseIds: [] }, 0.01)).loss);
  }
  await session.dispose();
  return losses;
}
