import { type BlockedTensor, type OnnxGraph, pitch, wholeBlocks } from "@nnunet/unet-model";
import type { ConvolutionShape } from "../convolution.ts";
import { reshapedOnce } from "../execution-order.ts";
import { kernelOf, summedProducts } from "./window-products.ts";

/**
 * `windowWeightGradient` of an image of few channels. It has its own planes and those on either side as the fastest axis, so that dy
 * need not be copied for each; every plane is a group.
 *
 * @param x - not blocked, [n, ci, planes · rows, x], with zeros between the planes, as dy
 */
export function imageWindowGradient(
  onnx: OnnxGraph,
  block: number,
  { batch, inChannels: ci, outChannels: co, size, kernel }: ConvolutionShape,
  x: string,
  dy: string,
): string {
  const volume = size as BlockedTensor["size"];
  const [depth, , width] = volume;
  const rows = pitch(volume);
  const [kd, kh, kw] = kernel as [number, number, number];
  const planes = batch * depth;
  const groups = planes < block ? planes : wholeBlocks(planes, block);
  const before = (kw - 1) / 2;
  const apart = reshapedOnce(onnx, x, [batch * ci * depth, rows, width], dy);
  // and a plane of zeros
  const padded = onnx.node("Pad", [apart, onnx.integers([0, 0, before, 1, 0, before])]);
  const blocks = co / block;
  const met: number[] = [];
  const own: number[] = [];
  for (let group = 0; group < groups; group++) {
    const [sample, z] = [Math.floor(group / depth), group % depth];
    for (let tap = 0; tap < kd; tap++) {
      const at = z + tap - (kd - 1) / 2;
      const isInside = group < planes && at >= 0 && at < depth;
      for (let c = 0; c < ci; c++) met.push(isInside ? (sample * ci + c) * depth + at : batch * ci * depth);
    }
    // a group more than there are planes meets zeros: any plane of dy will do
    for (let c = 0; c < blocks; c++) own.push(group < planes ? (sample * blocks + c) * depth + z : 0);
  }
  const columns = width + 2 * before;
  const pictures = onnx.node(
    "Transpose",
    [
      onnx.node("Reshape", [
        onnx.node("Gather", [padded, onnx.int32s(met, [met.length])], { axis: 0 }),
        onnx.integers([groups, kd * ci, rows * columns]),
      ]),
    ],
    { perm: [0, 2, 1] },
  );
  const isInOrder = own.every((plane, i) => plane === i);
  const dyPlanes = onnx.node("Reshape", [dy, onnx.integers([planes * blocks, rows * width * block])]);
  const windows = isInOrder ? dyPlanes : onnx.node("Gather", [dyPlanes, onnx.int32s(own, [own.length])], { axis: 0 });
  const [wide, results] = [kd * ci, co];
  const pads = (kh - 1) / 2;
  const summed = summedProducts(
    onnx,
    { groups, rows, width, kernel: [kh, kw], wide, results, pads },
    pictures,
    windows,
  );
  // [co/b, kh·kw, kd, ci, b]
  return kernelOf(onnx, block, [co, ci, kd, kh, kw], summed, (c, channel, z, tap) => {
    return ((c * kh * kw + tap) * kd + z) * ci + channel;
  });
}
