import { elementCount } from "@nnunet/core";
import type { NetworkGraph, Weights, WeightTensor } from "@nnunet/unet-model";

/** Where each parameter lies in the one flat vector that holds them all. */
export interface ParameterLayout {
  readonly offsets: ReadonlyMap<
    string,
    { readonly offset: number; readonly length: number; readonly shape: readonly number[] }
  >;
  readonly total: number;
}

/** Parameters in graph order, back to back. */
export function parameterLayout(graph: NetworkGraph): ParameterLayout {
  const offsets = new Map<string, { offset: number; length: number; shape: readonly number[] }>();
  let total = 0;
  for (const { name, shape } of graph.parameters) {
    const length = elementCount(shape);
    offsets.set(name, { offset: total, length, shape });
    total += length;
  }
  return { offsets, total };
}

/** The parameters as one vector. `weights` may hold more. */
export function packParameters(layout: ParameterLayout, weights: Weights): Float32Array {
  const flat = new Float32Array(layout.total);
  for (const [name, { offset }] of layout.offsets) flat.set(weights.get(name)!.data, offset);
  return flat;
}

/** Copies of the parameters that lie in the vector. */
export function unpackParameters(layout: ParameterLayout, flat: Float32Array): Map<string, WeightTensor> {
  return new Map(
    [...layout.offsets].map(([name, { offset, length, shape }]) => [
      name,
      { data: flat.slice(offset, offset + length), shape },
    ]),
  );
}
