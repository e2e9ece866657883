import { type Architecture, createRandom } from "@nnunet/core";
import { addNetworkNodes, buildNetwork, initialiseWeights, OnnxGraph, writeBlockedModel } from "@nnunet/unet-model";
import type { NetworkSession, SessionFactory } from "../network-session.ts";

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

let found: Promise<number | undefined> | undefined;

/**
 * Channels of a block in onnxruntime's blocked kernels on this CPU: 16 with AVX-512, 8 with AVX2, undefined where there are
 * none. A tiny network that runs both ways tells, once per process.
 */
export function blockSize(createSession: SessionFactory): Promise<number | undefined> {
  return (found ??= probe(createSession));
}

async function probe(createSession: SessionFactory): Promise<number | undefined> {
  const network = buildNetwork(architecture, { inputChannels: 1, outputChannels: 3, patchSize: [4, 6, 8] });
  const random = createRandom(0, "block size");
  const weights = initialiseWeights(network, random);
  const patch = Float32Array.from({ length: 4 * 6 * 8 }, () => random.normal());
  const logitsOf = async (bytes: Uint8Array) => {
    let session: NetworkSession | undefined;
    try {
      session = await createSession(bytes, { device: "cpu", threads: 1 });
      return (await session.run(patch, [1, 1, 4, 6, 8])).data;
    } catch {
      return undefined; // no such operators in this build
    } finally {
      await session?.release();
    }
  };
  const plain = new OnnxGraph("probe");
  plain.input("input", "float32", [1, 1, 4, 6, 8]);
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
