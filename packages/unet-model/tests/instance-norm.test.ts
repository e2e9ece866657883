import { expect, test } from "@jest/globals";
import { createRandom, elementCount } from "@nnunet/core";
import { addForwardNode, type NetworkNode, OnnxGraph } from "@nnunet/unet-model";
import * as ort from "onnxruntime-node";

/** A norm over one sample of `spatial`, 45 % of which is a constant, as padding is. */
async function largestError(spatial: readonly number[]): Promise<number> {
  const channels = 2;
  const voxels = elementCount(spatial);
  const input = { id: 0, channels, spatial };
  const node: NetworkNode = {
    kind: "instanceNorm",
    input,
    output: { ...input, id: 1 },
    scale: "scale",
    bias: "bias",
    epsilon: 1e-5,
  };
  const onnx = new OnnxGraph("norm");
  const shape = [1, channels, ...spatial];
  onnx.input("x", "float32", shape);
  onnx.weight("scale", Float32Array.of(1, 0.5), [channels]);
  onnx.weight("bias", Float32Array.of(0, 2), [channels]);
  onnx.output(
    addForwardNode(onnx, node, () => "x"),
    "float32",
    shape,
  );
  const random = createRandom(3);
  const x = Float32Array.from({ length: channels * voxels }, (_, i) =>
    i % voxels < 0.45 * voxels ? 2.7 : random.normal(0.9, 1),
  );
  const session = await ort.InferenceSession.create(onnx.encode());
  const outputs = await session.run({ x: new ort.Tensor("float32", x, shape) });
  await session.release();
  const y = Object.values(outputs)[0]!.data as Float32Array;
  let worst = 0;
  for (let c = 0; c < channels; c++) {
    const [from, to] = [c * voxels, (c + 1) * voxels];
    let [sum, squares] = [0, 0];
    for (let i = from; i < to; i++) sum += x[i]!;
    const mean = sum / voxels;
    for (let i = from; i < to; i++) squares += (x[i]! - mean) ** 2;
    const factor = [1, 0.5][c]! / Math.sqrt(squares / voxels + 1e-5);
    for (let i = from; i < to; i++) worst = Math.max(worst, Math.abs((x[i]! - mean) * factor + [0, 2][c]! - y[i]!));
  }
  return worst;
}

// 2e-5: sums of some hundred float32 values twice, each rounded to 6e-8 of their size; one sum of all was off by 7e-4
test.each([[[40, 128, 128]], [[512, 512]], [[17, 16, 16]], [[16, 16, 16]], [[6, 5, 7]]])(
  "a norm over %j voxels, half of them padding, is that of float64 to 2e-5",
  async (spatial) => {
    expect(await largestError(spatial)).toBeLessThan(2e-5);
  },
);
