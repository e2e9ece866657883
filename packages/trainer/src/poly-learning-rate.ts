import { InvalidArgumentError } from "@nnunet/core";

/**
 * The learning rate of an epoch: initial · (1 − epoch / epochs)^0.9 (paper, "Training schedule"; docs/method.md §6).
 *
 * @param epoch - counted from 0
 * @example polyLearningRate(0.01, 500, 1000); // 0.005358867312681467
 */
export function polyLearningRate(initial: number, epoch: number, epochs: number, exponent = 0.9): number {
  if (!(epochs > 0)) throw new InvalidArgumentError("epochs", "a positive number", epochs);
  if (!(epoch >= 0 && epoch <= epochs)) throw new InvalidArgumentError("epoch", `a number from 0 to ${epochs}`, epoch);
  return initial * (1 - epoch / epochs) ** exponent;
}
