import { elementCount } from "@nnunet/core";
import { addBatchNorm, type Feature, isBlockable, type NetworkGraph, type NetworkNode } from "@nnunet/unet-model";
import { blockedConvolution } from "./blocked/blocked-convolution.ts";
import { blockedHead } from "./blocked/blocked-head.ts";
import { blockedInstanceNorm } from "./blocked/blocked-norm.ts";
import { blockedUpConvolution } from "./blocked/blocked-up-convolution.ts";
import { type BlockedValue, blockedOf, cleanedOf, plainOf } from "./blocked/blocked-value.ts";
import { type ConvolutionLowering, convolution } from "./convolution.ts";
import { averagePool, concat, leakyRelu, upConv } from "./layers.ts";
import { batchNorm, instanceNorm } from "./norms.ts";
import type { OnnxTape, OnnxValue } from "./onnx-tape.ts";

export interface ForwardResult {
  /** Of every head, highest resolution first. */
  readonly logits: readonly OnnxValue[];
  /** What batch norms saw in this batch, by the names of their running averages; nothing where those were used. */
  readonly statistics: ReadonlyMap<string, OnnxValue>;
}

/**
 * Runs the network on the tape.
 *
 * @param training - batch norms take the statistics of the batch, else their running averages
 */
export function forward(
  tape: OnnxTape,
  graph: NetworkGraph,
  lowering: ConvolutionLowering,
  parameters: ReadonlyMap<string, OnnxValue>,
  input: OnnxValue,
  training: boolean,
): ForwardResult {
  const pass = new ForwardPass(tape, graph, lowering, parameters, input, training);
  return { logits: graph.outputs.map((feature) => pass.plain(feature)), statistics: pass.statistics };
}

/** A feature in one layout or in both. */
interface Forms {
  plain?: OnnxValue;
  blocked?: BlockedValue;
}

class ForwardPass {
  readonly statistics = new Map<string, OnnxValue>();
  readonly #forms = new Map<number, Forms>();
  readonly #batch: number;

  constructor(
    readonly tape: OnnxTape,
    readonly graph: NetworkGraph,
    readonly lowering: ConvolutionLowering,
    readonly parameters: ReadonlyMap<string, OnnxValue>,
    input: OnnxValue,
    readonly training: boolean,
  ) {
    this.#batch = input.shape[0]!;
    this.#forms.set(graph.input.id, { plain: input });
    const convolved = onlyConvolved(graph);
    for (const [i, node] of graph.nodes.entries()) {
      if (this.#forms.has(node.output.id)) continue; // taken along by the node before
      if (node.kind === "concat" && convolved.has(node.output.id)) continue;
      this.#forms.set(node.output.id, this.#blockedNode(node, graph.nodes[i + 1]) ?? { plain: this.#plainNode(node) });
    }
  }

  plain(feature: Feature): OnnxValue {
    const forms = this.#forms.get(feature.id)!;
    forms.plain ??= plainOf(this.tape, this.lowering.blocks!.channels, forms.blocked!, feature.spatial);
    return forms.plain;
  }

  #blocked(feature: Feature): BlockedValue {
    const forms = this.#forms.get(feature.id)!;
    forms.blocked ??= blockedOf(this.tape, this.lowering.blocks!.channels, forms.plain!);
    return forms.blocked;
  }

  /** The same with zeros between the planes, once for all that read it. */
  #clean(feature: Feature): BlockedValue {
    const clean = cleanedOf(this.tape, this.lowering.blocks!.channels, this.#blocked(feature));
    this.#forms.get(feature.id)!.blocked = clean;
    return clean;
  }

  /** A node in the channel-blocked layout; undefined where it has no such form, or does not gain by it. */
  #blockedNode(node: NetworkNode, next: NetworkNode | undefined): Forms | undefined {
    const { tape } = this;
    const block = this.lowering.blocks?.channels;
    if (block === undefined) return undefined;
    switch (node.kind) {
      case "conv":
        return this.#blockedConvolution(node, block);
      case "upConv": {
        if (!this.#isLarge(node.output) || node.input.channels % block !== 0) return undefined;
        const x = this.#clean(node.input);
        const [w, bias] = [this.#parameter(node.weight), this.#optional(node.bias)];
        return { blocked: blockedUpConvolution(tape, block, x, node.input.spatial, w, bias, node.stride) };
      }
      case "instanceNorm": {
        if (!this.#isBlocked(node.input)) return undefined;
        // the activation behind it is taken along, if nothing else reads the norm
        const activation = next?.kind === "leakyRelu" && next.input.id === node.output.id ? next : undefined;
        const taken = activation && this.#readers(node.output) === 1 ? activation : undefined;
        const blocked = blockedInstanceNorm(
          tape,
          block,
          this.#blocked(node.input),
          { scale: this.#parameter(node.scale), bias: this.#parameter(node.bias), epsilon: node.epsilon },
          taken?.slope,
          this.#isOfImage(node.input),
        );
        if (taken) this.#forms.set(taken.output.id, { blocked });
        return { blocked };
      }
      case "leakyRelu": {
        if (!this.#isBlocked(node.input)) return undefined;
        const x = this.#blocked(node.input);
        return { blocked: { ...x, ...leakyRelu(tape, x, node.slope) } };
      }
      case "add": {
        if (!node.inputs.every((input) => this.#isBlocked(input))) return undefined;
        const [a, b] = node.inputs.map((input) => this.#clean(input)) as [BlockedValue, BlockedValue];
        return { blocked: { ...a, ...tape.add(a, b) } };
      }
      default:
        return undefined;
    }
  }

  #blockedConvolution(node: Extract<NetworkNode, { kind: "conv" }>, block: number): Forms | undefined {
    if (!isBlockable(node, block)) return undefined;
    const { tape } = this;
    const [w, bias] = [this.#parameter(node.weight), this.#optional(node.bias)];
    const parts = this.#parts(node.input);
    const ofImage = parts.length === 1 && parts[0]!.id === this.graph.input.id && parts[0]!.channels < block;
    if (!ofImage && !parts.every((part) => this.#isLarge(part))) return undefined;
    const pointwise = [...node.kernel, ...node.stride].every((n) => n === 1);
    if (pointwise && !ofImage && parts.length === 1 && node.output.channels < block)
      return { plain: blockedHead(tape, block, this.#clean(node.input), node.input.spatial, w, bias) };
    if (!this.#isLarge(node.output)) return undefined;
    const inputs = ofImage ? [this.plain(node.input)] : parts.map((part) => this.#clean(part));
    const { kernel, stride, output } = node;
    const normed = this.#isNormed(output);
    const cleanGradient = normed && this.graph.nodes.some((n) => n.kind === "instanceNorm" && n.input.id === output.id);
    return { blocked: blockedConvolution(tape, block, inputs, w, bias, kernel, stride, normed, cleanGradient) };
  }

  #plainNode(node: NetworkNode): OnnxValue {
    const { tape, lowering } = this;
    switch (node.kind) {
      case "conv": {
        const inputs = this.#parts(node.input).map((part) => this.plain(part));
        const [w, bias] = [this.#parameter(node.weight), this.#optional(node.bias)];
        return convolution(tape, lowering, inputs, w, bias, node.kernel, node.stride, this.#isNormed(node.output));
      }
      case "instanceNorm": {
        const [scale, bias] = [this.#parameter(node.scale), this.#parameter(node.bias)];
        return instanceNorm(tape, this.plain(node.input), scale, bias, node.epsilon);
      }
      case "batchNorm": {
        const x = this.plain(node.input);
        if (!this.training) return { name: addBatchNorm(tape.onnx, node, x.name), shape: x.shape };
        const [scale, bias] = [this.#parameter(node.scale), this.#parameter(node.bias)];
        const { y, mean, variance } = batchNorm(tape, x, scale, bias, node.epsilon);
        this.statistics.set(node.mean, mean).set(node.variance, variance);
        return y;
      }
      case "leakyRelu":
        return leakyRelu(tape, this.plain(node.input), node.slope);
      case "upConv": {
        const [w, bias] = [this.#parameter(node.weight), this.#optional(node.bias)];
        return upConv(tape, this.plain(node.input), w, bias, node.stride, lowering.matMul);
      }
      case "concat":
        return concat(
          tape,
          node.inputs.map((input) => this.plain(input)),
        );
      case "add":
        return tape.add(this.plain(node.inputs[0]), this.plain(node.inputs[1]));
      case "averagePool":
        return averagePool(tape, this.plain(node.input), node.stride);
    }
  }

  #parameter(name: string): OnnxValue {
    return this.parameters.get(name)!;
  }

  #optional(name: string | undefined): OnnxValue | undefined {
    return name === undefined ? undefined : this.#parameter(name);
  }

  /** What a convolution takes in: of channels that were to be joined for it alone, each part. */
  #parts(feature: Feature): readonly Feature[] {
    if (this.#forms.has(feature.id)) return [feature];
    const join = this.graph.nodes.find(({ output }) => output.id === feature.id)!;
    return join.kind === "concat" ? join.inputs : [feature];
  }

  #isLarge({ channels, spatial }: Feature): boolean {
    const { channels: block, fewestVoxels } = this.lowering.blocks!;
    return channels % block === 0 && this.#batch * elementCount(spatial) >= fewestVoxels;
  }

  #isBlocked(feature: Feature): boolean {
    return this.#forms.get(feature.id)!.blocked !== undefined;
  }

  /** Whether a norm with the statistics of the batch is all that reads a convolution: it subtracts any bias again. */
  #isNormed({ id }: Feature): boolean {
    const norms = this.graph.nodes.filter(
      (node) => (node.kind === "instanceNorm" || (node.kind === "batchNorm" && this.training)) && node.input.id === id,
    );
    return norms.length > 0 && norms.length === this.#readers({ id });
  }

  #isOfImage({ id }: Feature): boolean {
    const maker = this.graph.nodes.find(({ output }) => output.id === id)!;
    return inputsOf(maker).includes(this.graph.input.id);
  }

  #readers({ id }: Pick<Feature, "id">): number {
    const heads = this.graph.outputs.filter((output) => output.id === id).length;
    return heads + this.graph.nodes.filter((node) => inputsOf(node).includes(id)).length;
  }
}

function inputsOf(node: NetworkNode): readonly number[] {
  return node.kind === "concat" || node.kind === "add" ? node.inputs.map(({ id }) => id) : [node.input.id];
}

/** Features that convolutions alone take in: they need not be joined first. */
function onlyConvolved(graph: NetworkGraph): ReadonlySet<number> {
  const convolved = new Set(graph.nodes.flatMap((node) => (node.kind === "conv" ? [node.input.id] : [])));
  const otherwise = graph.nodes.flatMap((node) => (node.kind === "conv" ? [] : inputsOf(node)));
  for (const id of [...otherwise, ...graph.outputs.map((output) => output.id)]) convolved.delete(id);
  return convolved;
}
