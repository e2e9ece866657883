import type { WeightTensor } from "../weights.ts";

/** What became of a weight: the values that it begins with, or why its initial ones stay. */
export type Transferred =
  | { readonly is: "copied"; readonly tensor: WeightTensor }
  | { readonly is: "adapted"; readonly tensor: WeightTensor; readonly why: string }
  | { readonly is: "initialised"; readonly why: string };

export function copied({ data, shape }: WeightTensor): Transferred {
  return { is: "copied", tensor: { data: data.slice(), shape } };
}

export function otherShape(own: readonly number[], found: readonly number[]): Transferred {
  return { is: "initialised", why: `the model's is ${found.join(" × ")}, not ${own.join(" × ")}` };
}

export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((n, axis) => n === b[axis]);
}
