import { elementCount } from "@nnunet/core";
import type { NetworkGraph, Parameter, Weights, WeightTensor } from "@nnunet/unet-model";

/** Where each parameter lies in the one flat vector that holds them all. */
export interface ParameterLayout {
  readonly offsets: ReadonlyMap<
    string,
    { readonly offset: number; readonly length: number; readonly shape: readonly number[] }
  >;
  readonly total: number;
}

/** The trained parameters in graph order, back to back. */
export function parameterLayout(graph: NetworkGraph): ParameterLayout {
  return layoutOf(graph.parameters.filter((p) => p.trained !== false));
}

/** The running statistics of batch norms likewise. */
export function statisticsLayout(graph: NetworkGraph): ParameterLayout {
  return layoutOf(graph.parameters.filter((p) => p.trained === false));
}

function layoutOf(parameters: readonly Parameter[]): ParameterLayout {
  const offsets = new Map<string, { offset: number; length: number; shape: readonly number[] }>();
  let total = 0;
  for (const { name, shape } of parameters) {
    const length = elementCount(shape);
    offsets.set(name, { offset: total, length, shape });
    total += length;
  }
  return { offsets, total };
}

/** How much of a running average is this batch: PyTorch's momentum of batch norms. */
export const runningShare = 0.1;

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
