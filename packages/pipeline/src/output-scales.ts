import type { Architecture } from "@nnunet/core";

/**
 * Size of each deep-supervision output as a fraction of the patch per axis, highest resolution first: one per decoder
 * stage.
 *
 * @example outputScales({ strides: [[1, 1, 1], [1, 2, 2], [2, 2, 2]], … }); // [[1, 1, 1], [1, 0.5, 0.5]]
 */
export function outputScales({ strides }: Pick<Architecture, "strides">): number[][] {
  const scales: number[][] = [];
  let scale = strides[0]!.map(() => 1);
  for (const stride of strides.slice(0, -1)) {
    scale = scale.map((s, axis) => s / stride[axis]!);
    scales.push(scale);
  }
  return scales;
}
