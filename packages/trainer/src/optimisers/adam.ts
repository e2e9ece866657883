import type { Optimiser } from "./optimiser.ts";

export interface AdamOptions {
  /** β₁, 0.9 */
  readonly momentum: number;
  /** β₂, 0.999 */
  readonly secondMomentum: number;
  /** 1e-8 */
  readonly epsilon: number;
  /** 3e-5, added to the gradient of every parameter. */
  readonly weightDecay: number;
  /** 12 */
  readonly clipNorm: number;
}

export const defaultAdam: AdamOptions = {
  momentum: 0.9,
  secondMomentum: 0.999,
  epsilon: 1e-8,
  weightDecay: 3e-5,
  clipNorm: 12,
};

/**
 * Adam, the paper's alternative optimiser (Figure 6), as PyTorch's `Adam` without amsgrad:
 *
 * g ← gradient + decay · w;  m ← β₁·m + (1 − β₁)·g;  v ← β₂·v + (1 − β₂)·g²;
 * w ← w − rate/(1 − β₁ᵗ) · m / (√v/√(1 − β₂ᵗ) + ε)
 *
 * @see Kingma & Ba 2015
 */
export function adam(options: AdamOptions = defaultAdam): Optimiser {
  const { momentum, secondMomentum, epsilon, weightDecay, clipNorm } = options;
  return {
    name: "adam",
    keeps: ["momentum", "variance"],
    clipNorm,
    coefficients: (learningRate, step) => ({
      rate: learningRate / (1 - momentum ** step),
      rootCorrection: 1 / Math.sqrt(1 - secondMomentum ** step),
    }),
    step(tape, { weights, gradient, kept, coefficients }) {
      const blend = (before: typeof weights, now: typeof weights, beta: number) =>
        tape.add(tape.multiply(before, tape.scalar(beta)), tape.multiply(now, tape.scalar(1 - beta)));
      const decayed = tape.add(gradient, tape.multiply(weights, tape.scalar(weightDecay)));
      const first = blend(kept["momentum"]!, decayed, momentum);
      const second = blend(kept["variance"]!, tape.multiply(decayed, decayed), secondMomentum);
      const root = tape.multiply(tape.sqrt(second), coefficients["rootCorrection"]!);
      const direction = tape.divide(first, tape.add(root, tape.scalar(epsilon)));
      return {
        weights: tape.subtract(weights, tape.multiply(direction, coefficients["rate"]!)),
        kept: { momentum: first, variance: second },
      };
    },
  };
}
