import { nchwc } from "../blocked/blocked-tensor.ts";
import type { OnnxGraph } from "../onnx-graph.ts";
import { type PlaneStack, shaped } from "./plane-stack.ts";

/**
 * a · x[z + first] + b · x[z + first + 1] for every plane z, zeros outside: a convolution of two taps per channel on a
 * picture whose rows are the planes.
 *
 * @param first - −1: the plane before and the plane itself; 0: the plane itself and the next
 * @param sum - is added; of the shape of x
 */
export function neighbouringPlanes(
  onnx: OnnxGraph,
  block: number,
  x: PlaneStack,
  first: -1 | 0,
  [a, b]: readonly [a: number, b: number],
  sum?: string,
): PlaneStack {
  const { planes, channels, size } = x;
  const asRows = onnx.integers([1, block, planes, (channels / block) * size[0] * size[1]]);
  const taps = onnx.floats(
    Array.from({ length: 2 * block }, (_, i) => (i < block ? a : b)),
    [block, 1, 2, 1],
  );
  const window = { kernel_shape: [2, 1], strides: [1, 1], dilations: [1, 1], pads: [-first, 0, 1 + first, 0] };
  const inputs = [onnx.node("Reshape", [x.name, asRows]), taps];
  if (sum !== undefined) inputs.push("", onnx.node("Reshape", [sum, asRows]));
  return shaped(onnx, onnx.node("Conv", inputs, { ...window, group: block }, undefined, nchwc), x);
}

/** x[z − 1], zeros before the first; added to `sum` if there is one. */
export function previousPlanes(onnx: OnnxGraph, block: number, x: PlaneStack, sum?: string): PlaneStack {
  return neighbouringPlanes(onnx, block, x, -1, [1, 0], sum);
}

/** x[z + 1], zeros after the last. */
export function nextPlanes(onnx: OnnxGraph, block: number, x: PlaneStack): PlaneStack {
  return neighbouringPlanes(onnx, block, x, 0, [0, 1]);
}
