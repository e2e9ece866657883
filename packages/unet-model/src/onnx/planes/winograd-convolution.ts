import { neighbouringPlanes } from "./between-planes.ts";
import type { Halves, PlaneStack } from "./plane-stack.ts";
import type { WithinPlanes } from "./within-planes.ts";

/**
 * A convolution of three planes by Winograd's minimal filtering F(2, 3) along z: four convolutions within planes for two
 * planes of the result instead of six. With the planes d0 … d3 that the two meet,
 *
 *   m0 = (d0 − d2) · w0                       y0 = m0 + m1 + m2
 *   m1 = (d1 + d2) · (w0 + w1 + w2) / 2       y1 = m1 − m2 − m3
 *   m2 = (d2 − d1) · (w0 − w1 + w2) / 2
 *   m3 = (d1 − d3) · w2
 *
 * where of the pair z the planes d1 and d2 are its even and its odd one, d0 the odd one of the pair before and d3 the even
 * one of the next. Results are even and odd planes again.
 *
 * Source: Lavin & Gray, Fast Algorithms for Convolutional Neural Networks, 2016, section 4.1.
 */
export function winogradConvolution(within: WithinPlanes, parts: readonly Halves[]): Halves {
  const { onnx, block, bias } = within;
  const pairwise = (op: "Add" | "Sub", a: PlaneStack, b: PlaneStack) => ({
    ...a,
    name: onnx.node(op, [a.name, b.name]),
  });
  // In this order few of the tensors are alive at once, and the last two products are added to p and q where they lie.
  const m1 = within.convolve(
    parts.map(([even, odd]) => pairwise("Add", even, odd)),
    [0.5, 0.5, 0.5],
    { bias },
  );
  const m2 = within.convolve(
    parts.map(([even, odd]) => pairwise("Sub", odd, even)),
    [0.5, -0.5, 0.5],
  );
  const [p, q] = [pairwise("Add", m1, m2), pairwise("Sub", m1, m2)];
  const even = within.convolve(
    parts.map(([, odd]) => neighbouringPlanes(onnx, block, odd, -1, [1, -1])),
    [1, 0, 0],
    { sum: p },
  );
  const odd = within.convolve(
    parts.map(([even]) => neighbouringPlanes(onnx, block, even, 0, [1, -1])),
    [0, 0, -1],
    { sum: q },
  );
  return [even, odd];
}
