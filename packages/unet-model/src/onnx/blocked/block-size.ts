import { type Architecture, createRandom } from "@nnunet/core";
import { buildNetwork } from "../../build-network.ts";
import { initialiseWeights } from "../../weights.ts";
import { addNetworkNodes } from "../../write-onnx-model.ts";
import { OnnxGraph } from "../onnx-graph.ts";
import { writeBlockedModel } from "../planes/write-blocked-model.ts";

/** Further apart than rounding ever takes them; numbers in the wrong place are off by more than a hundred times this. */
const TOLERANCE = 1e-4;

/** A network with every kind of layer that has a blocked form. */
const architecture: Architecture = {
  kind: "plain",
  featuresPerStage: [16, 32],
  kernelSizes: [
    [3, 3, 3],
    [3, 3, 3],
  ],
  strides: [
    [1, 1, 1],
    [2, 2, 2],
  ],
  convsPerStage: [2, 1],
  convsPerStageDecoder: [1],
  convBias: true,
  transposedConvBias: true,
  headBias: true,
  normEpsilon: 1e-5,
  leakyReluSlope: 0.01,
};

/**
 * Channels of a block in onnxruntime's blocked kernels on this CPU: 16 with AVX-512, 8 with AVX2, undefined where there are
 * none. It depends on the vector width and on the build of onnxruntime; a tiny network that runs both ways tells.
 *
 * @param run - gives the tensor "logits" of a model for the tensor "input" [1, 1, 4, 6, 8]; throws where a model cannot run
 */
export async function findBlockSize(
  run: (model: Uint8Array, input: Float32Array, shape: readonly number[]) => Promise<Float32Array>,
): Promise<number | undefined> {
  const shape = [1, 1, 4, 6, 8];
  const network = buildNetwork(architecture, { inputChannels: 1, outputChannels: 3, patchSize: shape.slice(2) });
  const random = createRandom(0, "block size");
  const weights = initialiseWeights(network, random);
  const patch = Float32Array.from({ length: 4 * 6 * 8 }, () => random.normal());
  const logitsOf = async (model: Uint8Array) => {
    try {
      return await run(model, patch, shape);
    } catch {
      return undefined; // no such operators in this build
    }
  };
  const plain = new OnnxGraph("probe");
  plain.input("input", "float32", shape);
  for (const [name, { data, shape }] of weights) plain.weight(name, data, shape);
  addNetworkNodes(plain, network, 1, "logits");
  plain.output("logits", "float32", [1, 3, 4, 6, 8]);
  const expected = await logitsOf(plain.encode());
  if (!expected) return undefined;
  for (const block of [16, 8]) {
    const got = await logitsOf(writeBlockedModel(network, [weights], "logits", block));
    if (got?.every((value, i) => Math.abs(value - expected[i]!) < TOLERANCE)) return block;
  }
  return undefined;
}
