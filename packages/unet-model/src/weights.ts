import { elementCount, InvalidArtifactError, type RandomGenerator, ShapeMismatchError } from "@nnunet/core";
import type { NetworkGraph } from "./network-graph.ts";

export interface WeightTensor {
  readonly data: Float32Array;
  readonly shape: readonly number[];
}

/** Trained (or fresh) values by parameter name. */
export type Weights = ReadonlyMap<string, WeightTensor>;

/**
 * Fresh weights: Kaiming normal for convolutions, zeros for biases, ones and zeros for norms (docs/method.md §5).
 *
 * @example const weights = initialiseWeights(graph, createRandom(0, "weights"));
 */
export function initialiseWeights(graph: NetworkGraph, random: RandomGenerator): Weights {
  const weights = new Map<string, WeightTensor>();
  for (const { name, shape, initial } of graph.parameters) {
    const data = new Float32Array(elementCount(shape));
    if (initial.kind === "constant") data.fill(initial.value);
    else {
      const deviation = Math.sqrt(2 / ((1 + initial.slope ** 2) * initial.fanIn));
      for (let i = 0; i < data.length; i++) data[i] = random.normal(0, deviation);
    }
    weights.set(name, { data, shape });
  }
  return weights;
}

/**
 * Checks that `weights` has exactly the parameters of `graph`.
 *
 * @throws {InvalidArtifactError} for a parameter missing or too many
 * @throws {ShapeMismatchError} for one of another shape
 */
export function checkWeights(graph: NetworkGraph, weights: Weights, path: string): void {
  const expected = new Set(graph.parameters.map((p) => p.name));
  for (const { name, shape } of graph.parameters) {
    const found = weights.get(name);
    if (!found)
      throw new InvalidArtifactError(path, name, "this weight is missing; the file belongs to another network");
    if (found.shape.length !== shape.length || found.shape.some((n, i) => n !== shape[i])) {
      throw new ShapeMismatchError(`${path} → ${name}`, shape, found.shape, "the file belongs to another network");
    }
  }
  for (const name of weights.keys()) {
    if (!expected.has(name))
      throw new InvalidArtifactError(path, name, "the network has no such weight; the file belongs to another network");
  }
}
