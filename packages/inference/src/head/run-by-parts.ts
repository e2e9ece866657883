import { elementCount } from "@nnunet/core";
import { letGo } from "../let-go.ts";
import { type AnswerPart, planesPerPart } from "./answer-parts.ts";

interface Tensor {
  readonly data: Float32Array;
  readonly shape: readonly number[];
}
type Run = (data: Float32Array, shape: readonly number[]) => Promise<Tensor>;
type RunByParts = (
  batch: Float32Array,
  shape: readonly number[],
  onPart?: (part: AnswerPart) => void,
) => Promise<Tensor>;

/**
 * Runs a network whose head is computed by itself: the features of a patch are kept, and its answer made of them some planes
 * at a time.
 *
 * @param trunk - one sample → its features, [1, feature, (z,) y, x]
 * @param head - features of some planes → their logits; both let their answers be freed
 * @param classes - or regions
 * @param most - planes of a part, for a patch of [(z,) y, x]
 */
export function runByParts(
  trunk: Run,
  head: Run,
  classes: number,
  most = (patchSize: readonly number[]) => planesPerPart(classes, patchSize),
): RunByParts {
  let input = new Float32Array(0); // kept for the next
  return async (batch, [samples, ...shape], onPart) => {
    const [, planes, ...inPlane] = shape;
    const step = elementCount(inPlane);
    const whole = new Float32Array(onPart ? 0 : samples! * classes * planes! * step);
    const atOnce = most([planes!, ...inPlane]);
    const length = batch.length / samples!;
    for (let sample = 0; sample < samples!; sample++) {
      const features = await trunk(batch.subarray(sample * length, (sample + 1) * length), [1, ...shape]);
      const channels = features.shape[1]!;
      if (input.length < channels * atOnce * step) input = new Float32Array(channels * atOnce * step);
      for (let first = 0; first < planes!; first += atOnce) {
        const count = Math.min(atOnce, planes! - first);
        for (let c = 0; c < channels; c++) {
          const from = (c * planes! + first) * step;
          input.set(features.data.subarray(from, from + count * step), c * count * step);
        }
        const slab = input.subarray(0, channels * count * step);
        const { data } = await head(slab, [1, channels, count, ...inPlane]);
        if (onPart) onPart({ sample, first, planes: count, data });
        else {
          for (let c = 0; c < classes; c++) {
            const to = ((sample * classes + c) * planes! + first) * step;
            whole.set(data.subarray(c * count * step, (c + 1) * count * step), to);
          }
        }
        letGo(data);
      }
      letGo(features.data);
    }
    return { data: whole, shape: [samples!, classes, ...shape.slice(1)] };
  };
}
