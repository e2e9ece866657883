import type { RandomGenerator, Shape3 } from "@nnunet/core";
import type { AugmentationParameters } from "./augmentation-parameters.ts";
import { applyBinaryOperator, type BinaryOperator, binaryOperators } from "./ball-morphology.ts";
import { removeRandomComponent, removeSmallComponents } from "./remove-component.ts";

/**
 * One mask per label of a label map, the cascade's extra input channels.
 *
 * @param seg - [z, y, x]
 * @param labels - foreground labels; everything else is in no mask
 * @example oneHot(Int16Array.of(0, 2, 1), [1, 2]); // [[0, 0, 1], [0, 1, 0]]
 */
export function oneHot(seg: Int16Array, labels: readonly number[]): Uint8Array[] {
  return labels.map((label) => {
    const mask = new Uint8Array(seg.length);
    for (let i = 0; i < seg.length; i++) mask[i] = seg[i] === label ? 1 : 0;
    return mask;
  });
}

/**
 * Grows or shrinks one label of a one-hot segmentation, in place: what it gains the other labels lose, what it loses
 * becomes background.
 *
 * @param masks - one per label, [z, y, x] of `shape`; at most one of them is 1 at any voxel
 * @param index - which of `masks`
 * @param radius - of the ball, voxels
 * @see paper, Supplement D (cascade, 1)
 */
export function operateOnLabel(
  masks: readonly Uint8Array[],
  index: number,
  shape: Shape3,
  operator: BinaryOperator,
  radius: number,
): void {
  const mask = masks[index]!;
  const changed = applyBinaryOperator(mask, shape, operator, radius);
  for (const [other, loser] of masks.entries()) {
    if (other === index) continue;
    for (let i = 0; i < loser.length; i++) if (changed[i]! > mask[i]!) loser[i] = 0;
  }
  mask.set(changed);
}

/**
 * The cascade's augmentations of the previous configuration's segmentation, in place: a binary operator on the labels in
 * random order, the same for all or one for each; then, per label, the removal of its small components, or of one of them.
 *
 * @param masks - one per label, [z, y, x] of `shape`
 * @see paper, Supplement D (cascade); docs/method.md §4.3
 */
export function augmentPreviousSegmentation(
  masks: readonly Uint8Array[],
  shape: Shape3,
  parameters: AugmentationParameters["cascade"],
  random: RandomGenerator,
): void {
  if (random.chance(parameters.morphologyProbability)) {
    const draw = () => ({
      operator: binaryOperators[random.integer(0, binaryOperators.length)]!,
      radius: random.uniform(parameters.radiusLow, parameters.radiusHigh),
    });
    const once = parameters.operatorPerLabel ? undefined : draw();
    for (const index of random.shuffle([...masks.keys()])) {
      if (!random.chance(parameters.morphologyLabelProbability)) continue;
      const { operator, radius } = once ?? draw();
      operateOnLabel(masks, index, shape, operator, radius);
    }
  }
  if (random.chance(parameters.removalProbability)) {
    for (const mask of masks) {
      if (!random.chance(parameters.removalLabelProbability)) continue;
      if (parameters.removed === "all") removeSmallComponents(mask, shape, parameters.removalMaximumFraction);
      else removeRandomComponent(mask, shape, parameters.removalMaximumFraction, random);
    }
  }
}
