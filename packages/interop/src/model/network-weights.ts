import { firstNonFinite, InvalidArtifactError, printableName, ShapeMismatchError } from "@nnunet/core";
import type { NetworkGraph, Weights, WeightTensor } from "@nnunet/unet-model";
import type { TorchFile } from "../torch/torch-file.ts";
import { tensorSize, type TorchTensor } from "../torch/torch-tensor.ts";
import type { WeightForm } from "./prediction-plans.ts";
import type { StateDict } from "./state-dict.ts";

/**
 * The weights of a network out of a checkpoint, by the names of our graph. Every weight of the checkpoint must have its
 * place in the network, as PyTorch's own loading demands.
 *
 * @param whose - what plans and checkpoint are called in errors
 * @throws {InvalidArtifactError} for a weight that is missing, has no place, is not a number, or has two values
 * @throws {ShapeMismatchError} for one of another shape than the plans say; names it and both shapes
 */
export async function readNetworkWeights(
  graph: NetworkGraph,
  state: StateDict,
  form: WeightForm,
  file: TorchFile,
  path: string,
  whose: string,
): Promise<Weights> {
  const reader = new WeightReader(state, file, path, whose);
  const weights = new Map<string, WeightTensor>();
  for (const { name, shape } of graph.parameters) {
    const block = form.batchNormEpsilon === undefined ? undefined : blockOf(name, state);
    if (block !== undefined && name.endsWith(".weight")) {
      const { weight, bias } = await foldedBlock(reader, block, shape, form.batchNormEpsilon!);
      weights.set(`${block}.conv.weight`, weight);
      weights.set(`${block}.conv.bias`, bias);
    } else if (block === undefined) {
      const isMade =
        !state.has(name) && (isNormOf(name) ? form.isPlainNorm : name.endsWith(".bias") && isBiasless(name, state));
      const value = name.endsWith(".weight") ? 1 : 0;
      weights.set(
        name,
        isMade ? { data: new Float32Array(shape[0]!).fill(value), shape } : await reader.read(name, shape),
      );
    }
  }
  reader.refuseUnread();
  return weights;
}

const isNormOf = (name: string) => /\.norm\.(weight|bias)$/.test(name);

/** A network of ours without norms has a bias everywhere; one of torch's need not. */
const isBiasless = (name: string, state: StateDict) =>
  name.endsWith(".conv.bias") && !state.has(name.replace(/conv\.bias$/, "norm.weight"));

/** The block of a convolution that a batch norm follows. */
function blockOf(name: string, state: StateDict): string | undefined {
  const block = /^(.*)\.conv\.(weight|bias)$/.exec(name)?.[1];
  return block !== undefined && state.has(`${block}.norm.running_mean`) ? block : undefined;
}

/** y = γ·(w·x + b − μ) / √(σ² + ε) + β is a convolution with other weights. */
async function foldedBlock(reader: WeightReader, block: string, shape: readonly number[], epsilon: number) {
  const features = [shape[0]!];
  const { data } = await reader.read(`${block}.conv.weight`, shape);
  const vector = async (name: string, otherwise: number) =>
    reader.has(`${block}.${name}`)
      ? (await reader.read(`${block}.${name}`, features)).data
      : new Float32Array(shape[0]!).fill(otherwise);
  const [bias, mean, variance] = [
    await vector("conv.bias", 0),
    await vector("norm.running_mean", 0),
    await vector("norm.running_var", 1),
  ];
  const [scale, shift] = [await vector("norm.weight", 1), await vector("norm.bias", 0)];
  reader.pass(`${block}.norm.num_batches_tracked`);
  const perFeature = data.length / shape[0]!;
  const weight = new Float32Array(data.length);
  const newBias = new Float32Array(shape[0]!);
  for (let f = 0; f < shape[0]!; f++) {
    const factor = scale[f]! / Math.sqrt(variance[f]! + epsilon);
    for (let i = f * perFeature; i < (f + 1) * perFeature; i++) weight[i] = data[i]! * factor;
    newBias[f] = (bias[f]! - mean[f]!) * factor + shift[f]!;
  }
  return { weight: { data: weight, shape }, bias: { data: newBias, shape: features } };
}

/** Reads weights by name and remembers which. */
class WeightReader {
  readonly #unread: Set<string>;

  constructor(
    readonly state: StateDict,
    readonly file: TorchFile,
    readonly path: string,
    readonly whose: string,
  ) {
    this.#unread = new Set(state.keys());
  }

  has(name: string): boolean {
    return this.state.has(name);
  }

  pass(name: string): void {
    this.#unread.delete(name);
  }

  async read(name: string, shape: readonly number[]): Promise<WeightTensor> {
    const found = this.state.get(name);
    if (!found) {
      throw new InvalidArtifactError(this.path, name, `this weight is missing; ${this.whose} describe another network`);
    }
    const { tensor, aliases } = found;
    for (const each of [tensor, ...aliases]) {
      if (each.shape.length === shape.length && each.shape.every((n, i) => n === shape[i])) continue;
      throw new ShapeMismatchError(
        `${this.path} → ${name}`,
        shape,
        each.shape,
        `${this.whose} describe another network`,
      );
    }
    this.#unread.delete(name);
    const data = await this.#values(tensor, name);
    for (const alias of aliases) {
      if (alias.storage.key === tensor.storage.key && alias.offset === tensor.offset) continue;
      const other = await this.#values(alias, name);
      if (other.some((value, i) => value !== data[i])) {
        throw new InvalidArtifactError(this.path, name, "is stored under two names with different values");
      }
    }
    return { data, shape };
  }

  async #values(tensor: TorchTensor, name: string): Promise<Float32Array> {
    const values = await this.file.read(tensor, name);
    const data =
      values instanceof Float32Array ? values : Float32Array.from(values as ArrayLike<number | bigint>, Number);
    if (data.length !== tensorSize(tensor) || firstNonFinite(data) >= 0) {
      const problem = "holds NaN or infinite values: the training diverged; use an earlier checkpoint";
      throw new InvalidArtifactError(this.path, name, problem);
    }
    return data;
  }

  refuseUnread(): void {
    const [name] = this.#unread;
    if (name === undefined) return;
    throw new InvalidArtifactError(
      this.path,
      printableName(name, 80),
      `the network has no such weight; ${this.whose} describe another network`,
    );
  }
}
