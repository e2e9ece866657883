/**
 * What a loss is multiplied by before it is differentiated in float16, whose smallest number is 6e-8 and largest 65,504:
 * small gradients would vanish without it.
 */
export interface LossScaling {
  readonly scale: number;
  /** Steps since the scale changed. */
  readonly goodSteps: number;
}

/** Where a training starts. */
export const initialLossScaling: LossScaling = { scale: 2 ** 16, goodSteps: 0 };

/** Steps without an overflow after which the scale is doubled. */
const growthInterval = 2000;

/**
 * The scale of the next step: half of it after gradients that were not finite (their step is skipped), twice as much after
 * 2,000 steps that were. Powers of two, so that scaling rounds nothing.
 *
 * @see PyTorch's `torch.amp.GradScaler`, whose values these are
 * @example nextLossScaling({ scale: 65536, goodSteps: 7 }, false); // { scale: 32768, goodSteps: 0 }
 */
export function nextLossScaling({ scale, goodSteps }: LossScaling, finite: boolean): LossScaling {
  if (!finite) return { scale: scale / 2, goodSteps: 0 };
  return goodSteps + 1 < growthInterval ? { scale, goodSteps: goodSteps + 1 } : { scale: scale * 2, goodSteps: 0 };
}
