import type { Optimiser } from "./optimiser.ts";

export interface SgdOptions {
  /** 0.99 */
  readonly momentum: number;
  /** 3e-5, on every parameter. */
  readonly weightDecay: number;
  /** 12 */
  readonly clipNorm: number;
}

export const defaultSgd: SgdOptions = { momentum: 0.99, weightDecay: 3e-5, clipNorm: 12 };

/**
 * Stochastic gradient descent with Nesterov momentum (docs/method.md §6):
 *
 * g ← gradient + decay · w;  m ← μ·m + g;  w ← w − rate · (g + μ·m)
 */
export function sgd({ momentum, weightDecay, clipNorm }: SgdOptions = defaultSgd): Optimiser {
  return {
    name: "sgd",
    keeps: ["momentum"],
    clipNorm,
    coefficients: (learningRate) => ({ rate: learningRate }),
    step(tape, { weights, gradient, kept, coefficients }) {
      const mu = tape.scalar(momentum);
      const decayed = tape.add(gradient, tape.multiply(weights, tape.scalar(weightDecay)));
      const moved = tape.add(tape.multiply(kept["momentum"]!, mu), decayed);
      const direction = tape.add(decayed, tape.multiply(moved, mu));
      return {
        weights: tape.subtract(weights, tape.multiply(direction, coefficients["rate"]!)),
        kept: { momentum: moved },
      };
    },
  };
}
