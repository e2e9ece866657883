import type { Tape, Value } from "../losses/tape.ts";

/** What a step starts from: vectors over all parameters, back to back, and scalars. */
export interface StepInputs<V> {
  readonly weights: V;
  /** Clipped already. */
  readonly gradient: V;
  /** By the names of {@link Optimiser.keeps}. */
  readonly kept: Readonly<Record<string, V>>;
  /** By the names of {@link Optimiser.coefficients}. */
  readonly coefficients: Readonly<Record<string, V>>;
}

/**
 * An optimiser in the operations of a tape, so that every engine steps by the same formula.
 *
 * @see docs/method.md §6
 */
export interface Optimiser {
  readonly name: string;
  /** Vectors that it keeps from step to step, beside the weights; they start as zeros. */
  readonly keeps: readonly string[];
  /** Gradients are scaled down to this global L2 norm before the step. */
  readonly clipNorm: number;
  /** Numbers that change from step to step; `step` counts from 1. */
  coefficients(learningRate: number, step: number): Readonly<Record<string, number>>;
  step<V extends Value>(
    tape: Tape<V>,
    inputs: StepInputs<V>,
  ): { readonly weights: V; readonly kept: Readonly<Record<string, V>> };
}

/** The gradient scaled down to a global L2 norm, as PyTorch's `clip_grad_norm_` does, and its norm before. */
export function clipGradient<V extends Value>(
  tape: Tape<V>,
  gradient: V,
  clipNorm: number,
): { readonly gradient: V; readonly norm: V } {
  const norm = tape.sqrt(tape.sum(tape.multiply(gradient, gradient)));
  const ratio = tape.divide(tape.scalar(clipNorm), tape.add(norm, tape.scalar(1e-6)));
  return { gradient: tape.multiply(gradient, tape.atMost(ratio, 1)), norm };
}
