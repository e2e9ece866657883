import { elementCount } from "@nnunet/core";
import {
  blockedStatistics,
  type BlockedTensor,
  channelMeans,
  leakyActivation,
  meanProducts,
  scaledChannels,
} from "@nnunet/unet-model";
import { onceComputed } from "../execution-order.ts";
import type { OnnxTape, OnnxValue } from "../onnx-tape.ts";
import { type BlockedValue, recordBlocked } from "./blocked-value.ts";

/**
 * Instance norm and the leaky ReLU behind it in few passes over memory: both are one scaling of every channel with an
 * activation.
 *
 * Back, with g = dz·(1 or slope), the means M₁ = ⟨g⟩ and M₂ = ⟨g·(x − m)⟩ over a sample and channel, d = √(variance + ε):
 * dx = g·f + x·b − (b·m + f·M₁), where f = scale / d and b = −f·M₂ / d².
 *
 * @param slope - of the leaky ReLU; none if left out
 * @param ofImage - x is a convolution of the image
 */
export function blockedInstanceNorm(
  tape: OnnxTape,
  block: number,
  x: BlockedValue,
  { scale, bias, epsilon }: { readonly scale: OnnxValue; readonly bias: OnnxValue; readonly epsilon: number },
  slope: number | undefined,
  ofImage: boolean,
): BlockedValue {
  const { onnx } = tape;
  const multiply = (a: string, b: string) => onnx.node("Mul", [a, b]);
  const { mean, deviation } = blockedStatistics(onnx, block, x, epsilon, ofImage);
  const factor = onnx.node("Div", [scale.name, deviation]);
  const shift = onnx.node("Sub", [bias.name, multiply(mean, factor)]);
  const activation = slope === undefined ? undefined : leakyActivation(slope);
  const normed = scaledChannels(onnx, block, x, factor, { shift, activation, clean: true });
  const z: BlockedTensor = { ...x, name: normed, clean: true };
  return recordBlocked(tape, z, [x, scale, bias], (dz) => {
    const g = slope === undefined ? dz : { ...dz, name: multiply(dz.name, slopes(tape, block, z, slope, dz.name)) };
    const first = channelMeans(onnx, block, g);
    const raw = meanProducts(onnx, block, g, x.name);
    const second = onnx.node("Div", [onnx.node("Sub", [raw, multiply(first, mean)]), deviation]); // ⟨g·x̂⟩
    const b = onnx.node("Neg", [onnx.node("Div", [multiply(factor, second), deviation])]);
    const rest = onnx.node("Neg", [onnx.node("Add", [multiply(b, mean), multiply(factor, first)])]);
    const ofX = scaledChannels(onnx, block, x, b, { shift: rest, clean: true });
    const dx = scaledChannels(onnx, block, g, factor, { sum: ofX, clean: true });
    const voxels = onnx.scalar(elementCount(x.size));
    const overSamples = (means: string) =>
      onnx.node("ReduceSum", [multiply(means, voxels), onnx.integers([0])], { keepdims: 0 });
    return [dx, overSamples(second), overSamples(first)];
  });
}

/** 1 where z > 0 and slope elsewhere, in one pass. */
function slopes({ onnx }: OnnxTape, block: number, z: BlockedTensor, slope: number, after: string): string {
  const shape = [z.batch, z.channels];
  const huge = onnx.floats(new Array<number>(z.batch * z.channels).fill(1e38), shape);
  const activation = { activation: "Clip", activation_params: { floats: [slope, 1] } };
  return scaledChannels(onnx, block, z, onceComputed(onnx, huge, shape, after), { activation });
}
