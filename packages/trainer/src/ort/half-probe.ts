import { createRandom, UnsupportedError } from "@nnunet/core";
import { OnnxGraph } from "@nnunet/unet-model";
import { halfLowering } from "./choose-lowering.ts";
import type { ConvolutionShape } from "./convolution.ts";
import { openSession, type SessionOptions } from "./open-session.ts";

const shape: ConvolutionShape = {
  batch: 1,
  inChannels: 2,
  outChannels: 2,
  size: [4, 4],
  kernel: [3, 3],
  stride: [1, 1],
};
const dims = { x: [1, 2, 4, 4], w: [2, 2, 3, 3] };

/**
 * Computes one small convolution in float16 before a training with mixed precision begins.
 *
 * @throws {UnsupportedError} if the device has no float16, or gets it wrong
 */
export async function refuseWithoutHalf(
  ort: typeof import("onnxruntime-node"),
  options: SessionOptions,
): Promise<void> {
  const refusal = (reason: string) =>
    new UnsupportedError(
      `mixed precision on device "${options.device}" with engine "ort"`,
      `${reason}; train without \`mixedPrecision\``,
    );
  const random = createRandom(0, "half");
  const values = (length: number) => Float32Array.from({ length }, () => random.normal());
  const [x, w] = [new ort.Tensor("float32", values(32), dims.x), new ort.Tensor("float32", values(36), dims.w)];
  const session = await openSession(ort, probeModel(options), options, { onlyThere: options.device !== "cpu" });
  try {
    const { half, whole } = await session.run({ x, w });
    const expected = whole!.data as Float32Array;
    // sums of 18 products of size 1, each rounded to 11 bits
    if (!(half!.data as Float32Array).every((value, i) => Math.abs(value - expected[i]!) < 0.05)) {
      throw refusal("a convolution in float16 differs from one in float32");
    }
  } catch (error) {
    if (error instanceof UnsupportedError) throw error;
    throw refusal(`onnxruntime says: ${String(error instanceof Error ? error.message : error).replace(/\.$/, "")}`);
  } finally {
    await session.release();
  }
}

function probeModel({ device }: SessionOptions): Uint8Array {
  const onnx = new OnnxGraph("half-probe");
  const [x, w] = [onnx.input("x", "float32", dims.x), onnx.input("w", "float32", dims.w)];
  const whole = onnx.node("Conv", [x, w], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] });
  const half = halfLowering(device).forward(onnx, [{ shape, x, w }], undefined);
  for (const [name, value] of [
    ["half", half],
    ["whole", whole],
  ] as const) {
    onnx.node("Identity", [value], {}, name);
    onnx.output(name, "float32", dims.x);
  }
  return onnx.encode();
}
