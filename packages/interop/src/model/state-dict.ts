import { InvalidArtifactError, printableName } from "@nnunet/core";
import { PickleDict, PickleObject } from "../pickle/pickle-values.ts";
import { TorchTensor } from "../torch/torch-tensor.ts";

/** Weights of a network by their own name, and every other name under which a checkpoint holds the same. */
export type StateDict = ReadonlyMap<string, { readonly tensor: TorchTensor; readonly aliases: readonly TorchTensor[] }>;

/**
 * The tensors of a `state_dict`. Wrappers of the network (`module.`, `_orig_mod.`) are no part of a name. Every
 * convolution block of dynamic_network_architectures lists its layers twice, and the decoder the whole encoder; those are
 * other names of the same weights.
 *
 * @throws {InvalidArtifactError} for what is no tensor; an object that would have to be called is named
 */
export function readStateDict(value: unknown, path: string, field: string): StateDict {
  if (!(value instanceof PickleDict)) {
    const problem =
      value === undefined
        ? "is missing; this is no checkpoint of nnU-Net"
        : `is ${described(value)}, no table of weights`;
    throw new InvalidArtifactError(path, field, problem);
  }
  const found = new Map<string, { tensor: TorchTensor; aliases: TorchTensor[] }>();
  for (const [key, tensor] of value.entries) {
    const where = `${field}.${printableName(String(key), 80)}`;
    if (typeof key !== "string") throw new InvalidArtifactError(path, where, "expected the name of a weight");
    if (!(tensor instanceof TorchTensor)) {
      throw new InvalidArtifactError(path, where, `is ${described(tensor)}, no tensor that is read`);
    }
    const name = ownName(key);
    const known = found.get(name);
    if (known) known.aliases.push(tensor);
    else found.set(name, { tensor, aliases: [] });
  }
  return found;
}

/** The one name of a weight: a block's first layer is its convolution, another its norm; the rest is a wrapper's. */
function ownName(key: string): string {
  return key
    .replace(/^(module\.|_orig_mod\.)+/, "")
    .replace(/^decoder\.encoder\./, "encoder.")
    .replace(/\.all_modules\.(\d+)\./, (_, index: string) => (index === "0" ? ".conv." : ".norm."));
}

/** What a value is, in words; calls that were not made are named. */
function described(value: unknown): string {
  if (value instanceof PickleObject) return `what ${printableName(value.path, 80)} would make, which is never called`;
  return value === null ? "nothing" : Array.isArray(value) ? "a list" : `a ${typeof value}`;
}
