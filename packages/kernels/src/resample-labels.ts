import { elementCount, InvalidArgumentError, type Shape3, ShapeMismatchError } from "@nnunet/core";
import { axisResampling } from "./resample-axis.ts";
import { checkOrder, checkShape, type SeparateAxis } from "./resample-image.ts";

/**
 * A label map on another grid: each label's 0/1 mask is resampled linearly, and of the labels that reach one half the
 * highest wins; a voxel that no label claims becomes 0. Not an argmax: this is nnU-Net's rule, written for one pass
 * over all labels at once.
 *
 * @param labels - [z, y, x], any integers (−1 is a label like others)
 * @param shape - of `labels`
 * @param target - wanted [z, y, x]
 * @param options - `order` 0 (nearest) or 1; with `separateAxis` that axis is nearest (its order must be 0)
 * @returns a new array, [z, y, x] of `target`
 * @throws {ShapeMismatchError} if `labels` does not have as many elements as `shape` promises
 * @throws {InvalidArgumentError} if a shape, an order or the axis is outside its domain
 * @example resampleLabels(Int16Array.of(0, 3), [1, 1, 2], [1, 1, 4], { order: 1 }); // [0, 0, 3, 3]
 * @see Isensee et al. 2021, Methods, "Resampling"; docs/method.md §0 item 23 and §3
 */
export function resampleLabels(
  labels: Int16Array,
  shape: Shape3,
  target: Shape3,
  { order, separateAxis }: { readonly order: 0 | 1; readonly separateAxis?: SeparateAxis | undefined },
): Int16Array {
  checkShape("shape", shape);
  checkShape("target", target);
  if (labels.length !== elementCount(shape))
    throw new ShapeMismatchError("labels", [elementCount(shape)], [labels.length]);
  checkOrder("order", order);
  if ((order as number) === 3) throw new InvalidArgumentError("order", "0 or 1 for labels", order);
  if (separateAxis && separateAxis.order !== 0) {
    throw new InvalidArgumentError("separateAxis.order", "0 (nearest) for labels", separateAxis.order);
  }
  if (separateAxis && ![0, 1, 2].includes(separateAxis.axis)) {
    throw new InvalidArgumentError("separateAxis.axis", "0, 1 or 2", separateAxis.axis);
  }
  if (shape.every((n, i) => n === target[i])) return labels.slice();

  const [z, y, x] = shape.map((n, i) => labelTaps(n, target[i]!, separateAxis?.axis === i ? 0 : order));
  const [, height, width] = shape;
  const out = new Int16Array(elementCount(target));
  const found = new Int16Array(8);
  const weight = new Float64Array(8);
  const rows = new Int32Array(4);
  const rowWeights = new Float64Array(4);
  let o = 0;
  for (let k = 0; k < target[0]; k++) {
    for (let j = 0; j < target[1]; j++) {
      for (let a = 0; a < 2; a++) {
        for (let b = 0; b < 2; b++) {
          rows[2 * a + b] = (z!.index[2 * k + a]! * height + y!.index[2 * j + b]!) * width;
          rowWeights[2 * a + b] = z!.weights[2 * k + a]! * y!.weights[2 * j + b]!;
        }
      }
      const [r0, r1, r2, r3] = rows as unknown as [number, number, number, number];
      for (let i = 0; i < target[2]; i++, o++) {
        const x0 = x!.index[2 * i]!;
        const x1 = x!.index[2 * i + 1]!;
        const label = labels[r0 + x0]!;
        if (
          label === labels[r0 + x1] &&
          label === labels[r1 + x0] &&
          label === labels[r1 + x1] &&
          label === labels[r2 + x0] &&
          label === labels[r2 + x1] &&
          label === labels[r3 + x0] &&
          label === labels[r3 + x1]
        ) {
          out[o] = label;
          continue;
        }
        // Sum the weights of each label among the eight neighbours, in C order as SciPy does: ties then fall alike.
        let count = 0;
        for (let r = 0; r < 4; r++) {
          for (let side = 0; side < 2; side++) {
            const neighbour = labels[rows[r]! + (side === 0 ? x0 : x1)]!;
            const w = rowWeights[r]! * x!.weights[2 * i + side]!;
            let slot = 0;
            while (slot < count && found[slot] !== neighbour) slot++;
            if (slot === count) {
              found[count] = neighbour;
              weight[count++] = w;
            } else {
              weight[slot]! += w;
            }
          }
        }
        let winner = -32769;
        for (let slot = 0; slot < count; slot++) {
          if (weight[slot]! >= 0.5 && found[slot]! > winner) winner = found[slot]!;
        }
        out[o] = winner === -32769 ? 0 : winner;
      }
    }
  }
  return out;
}

/**
 * Two samples and their weights per output sample. Beyond the outermost samples both are the same one and share the
 * weight as SciPy shares it, so that sums of exactly one half round alike.
 */
function labelTaps(from: number, to: number, order: 0 | 1): { index: Int32Array; weights: Float64Array } {
  const index = new Int32Array(2 * to);
  const weights = new Float64Array(2 * to);
  const nearest = axisResampling(from, to, 0);
  for (let j = 0; j < to; j++) {
    if (order === 0 || from === to) {
      index.fill(nearest.start[j]!, 2 * j, 2 * j + 2);
      weights[2 * j] = 1;
      continue;
    }
    const position = (j + 0.5) * (from / to) - 0.5;
    const first = Math.floor(position);
    index[2 * j] = Math.max(0, first);
    index[2 * j + 1] = Math.min(from - 1, first + 1);
    weights[2 * j] = 1 - (position - first);
    weights[2 * j + 1] = 1 - weights[2 * j]!;
  }
  return { index, weights };
}
