import { kernelsMade } from "../blocked/winograd.ts";
import { neighbouringPlanes } from "./between-planes.ts";
import type { Halves, PlaneStack } from "./plane-stack.ts";
import type { WithinPlanes } from "./within-planes.ts";

/**
 * A convolution of three planes by Winograd's minimal filtering along z (see `winograd.ts`): four convolutions within planes
 * for two planes of the result instead of six. Of a pair the planes d1 and d2 are its even and its odd one, d0 is the odd one
 * of the pair before, d3 the even one of the next. Results are even and odd planes again.
 */
export function winogradConvolution(within: WithinPlanes, parts: readonly Halves[]): Halves {
  const { onnx, block, bias } = within;
  const pairwise = (op: "Add" | "Sub", a: PlaneStack, b: PlaneStack) => ({
    ...a,
    name: onnx.node(op, [a.name, b.name]),
  });
  // onnxruntime computes of a node's inputs first the one that was added last. The planes that are convolved are added before
  // all that they are added to, so that each is there for the time of its own convolution only.
  const t1 = parts.map(([even, odd]) => pairwise("Add", even, odd));
  const t2 = parts.map(([even, odd]) => pairwise("Sub", odd, even));
  const t0 = parts.map(([, odd]) => neighbouringPlanes(onnx, block, odd, -1, [1, -1]));
  const t3 = parts.map(([even]) => neighbouringPlanes(onnx, block, even, 0, [1, -1]));
  const m1 = within.convolve(t1, kernelsMade[1], { bias });
  const m2 = within.convolve(t2, kernelsMade[2]);
  // the last two products are added to these where they lie
  const [p, q] = [pairwise("Add", m1, m2), pairwise("Sub", m1, m2)];
  const even = within.convolve(t0, kernelsMade[0], { sum: p });
  const minus = kernelsMade[3].map((of) => -of);
  return [even, within.convolve(t3, minus, { sum: q })];
}
