import type { Feature, NetworkGraph, NetworkNode } from "../../network-graph.ts";
import type { Weights } from "../../weights.ts";
import { averageFolds, type FoldAverage } from "../average-folds.ts";
import { addForwardNode, nodesFor } from "../forward-nodes.ts";
import { OnnxGraph } from "../onnx-graph.ts";
import { convolveImage } from "./convolve-image.ts";
import { convolveStacks, isBlockable } from "./convolve-stacks.ts";
import { plainOf, type PlaneStack, type Stacks, stackOf, together } from "./plane-stack.ts";
import { each, stackedInstanceNorm } from "./stack-norm.ts";
import { stackedUpConvolution } from "./stack-up-convolution.ts";

/**
 * The network of `writeOnnxModel` for one sample, in operators of onnxruntime's own that work on blocks of channels
 * ("NCHWc"): the same numbers but for rounding, at about twice the speed on a CPU with AVX2 or AVX-512. No file for anybody
 * to keep: those operators are no part of ONNX.
 *
 * What has no blocked form (pooling, batch norms, channels that fill no block) stays as it is, between two reorderings.
 *
 * @param folds - averaged as `average` says where there are several
 * @param block - channels of a block, which the CPU and the build of onnxruntime decide: 8 or 16
 */
export function writeBlockedModel(
  graph: NetworkGraph,
  folds: readonly Weights[],
  average: FoldAverage,
  block: number,
): Uint8Array {
  const onnx = new OnnxGraph("nnunet-blocked");
  const size = graph.input.spatial;
  onnx.input("input", "float32", [1, graph.input.channels, ...size]);
  const logits = folds.map((weights, fold) => {
    const output = folds.length === 1 ? "logits" : undefined;
    return new BlockedNetwork(onnx, graph, weights, block, `fold${fold}.`).write(output);
  });
  if (folds.length > 1) averageFolds(onnx, logits, average);
  onnx.output("logits", "float32", [1, graph.outputs[0]!.channels, ...size]);
  return onnx.encode();
}

/** A feature in one form or in several. */
interface Forms {
  plain?: string;
  stacks?: Stacks;
  /** Features whose channels follow each other: a convolution reads them one by one, nobody copies them together. */
  joined?: readonly Feature[];
}

class BlockedNetwork {
  readonly #forms = new Map<number, Forms>();
  readonly #stored = new Set<string>();
  readonly #nodes: readonly NetworkNode[];

  constructor(
    readonly onnx: OnnxGraph,
    readonly graph: NetworkGraph,
    readonly weights: Weights,
    readonly block: number,
    readonly prefix: string,
  ) {
    this.#nodes = nodesFor(graph, [graph.outputs[0]!.id]);
    this.#forms.set(graph.input.id, { plain: "input" });
  }

  write(output: string | undefined): string {
    const { onnx } = this;
    const head = this.graph.outputs[0]!;
    for (let i = 0; i < this.#nodes.length; i++) {
      const node = this.#nodes[i]!;
      const next = this.#nodes[i + 1];
      if (node.kind === "instanceNorm" && this.#channelsFit(node.input)) {
        // the activation behind it is taken along, if nothing else reads the norm
        const activated = next?.kind === "leakyRelu" && next.input.id === node.output.id && this.#readers(node) === 1;
        const slope = activated ? next.slope : undefined;
        const named = { ...node, scale: this.#parameter(node.scale), bias: this.#parameter(node.bias) };
        const stacks = stackedInstanceNorm(onnx, named, this.#stacks(node.input), slope, this.#isOfImage(node.input));
        this.#forms.set(activated ? next.output.id : node.output.id, { stacks });
        if (activated) i++;
      } else {
        this.#forms.set(node.output.id, this.#write(node, node.output.id === head.id ? output : undefined));
      }
    }
    return this.#plain(head, output);
  }

  #write(node: NetworkNode, output: string | undefined): Forms {
    const { onnx, block } = this;
    if (node.kind === "conv" && isBlockable(node, block)) {
      const { input } = node;
      const bias = !this.#isCentred(node);
      if (input.channels < block) {
        return { stacks: convolveImage(onnx, block, node, this.#plain(input), this.weights, bias) };
      }
      const parts = (this.#forms.get(input.id)!.joined ?? [input]).map((part) => this.#stacks(part));
      return { stacks: convolveStacks(onnx, block, node, parts, this.weights, bias) };
    }
    if (node.kind === "upConv" && this.#channelsFit(node.input) && this.#channelsFit(node.output) && canBeWoven(node)) {
      return { stacks: stackedUpConvolution(onnx, block, node, this.#stacks(node.input), this.weights) };
    }
    if (node.kind === "leakyRelu" && this.#hasStacks(node.input.id)) {
      const alpha = { float: node.slope };
      const activated = (name: string) => onnx.node("LeakyRelu", [name], { alpha });
      return { stacks: each(this.#stacks(node.input), (x) => ({ ...x, name: activated(x.name) })) };
    }
    if (node.kind === "concat" && node.inputs.every((input) => this.#isStacked(input))) return { joined: node.inputs };
    if (node.kind === "add" && node.inputs.every((input) => this.#isStacked(input))) {
      return { stacks: this.#sum(node.inputs.map((input) => this.#stacks(input))) };
    }
    const renamed = { ...node } as Record<string, unknown>;
    for (const key of ["weight", "bias", "scale", "mean", "variance"]) {
      if (typeof renamed[key] === "string") renamed[key] = this.#parameter(renamed[key]);
    }
    const tensorOf = (id: number) => this.#plain(this.#featureOf(id));
    return { plain: addForwardNode(onnx, renamed as unknown as NetworkNode, tensorOf, output) };
  }

  #featureOf(id: number) {
    return id === this.graph.input.id ? this.graph.input : this.#nodes.find(({ output }) => output.id === id)!.output;
  }

  #channelsFit({ channels }: { readonly channels: number }): boolean {
    return channels % this.block === 0;
  }

  #isStacked(feature: { readonly id: number; readonly channels: number }): boolean {
    return this.#channelsFit(feature) && this.#hasStacks(feature.id);
  }

  #hasStacks(id: number): boolean {
    const { stacks, joined } = this.#forms.get(id)!;
    return stacks !== undefined || joined !== undefined;
  }

  #sum(summands: readonly Stacks[]): Stacks {
    const { onnx } = this;
    const alike = summands.every((stacks) => stacks.length === summands[0]!.length);
    const same = alike ? summands : summands.map((stacks): Stacks => [together(onnx, stacks)]);
    return same[0]!.map((first, i) => {
      const names = same.map((stacks) => stacks[i]!.name);
      return { ...first, name: onnx.node("Sum", names) };
    }) as unknown as Stacks;
  }

  /** Whether an instance norm is all that reads a convolution: it subtracts any bias again. */
  #isCentred(node: NetworkNode): boolean {
    const readers = this.#nodes.filter((other) => inputsOf(other).includes(node.output.id));
    return readers.length === 1 && readers[0]!.kind === "instanceNorm";
  }

  #isOfImage({ id }: { readonly id: number }): boolean {
    const maker = this.#nodes.find(({ output }) => output.id === id)!;
    return inputsOf(maker).includes(this.graph.input.id);
  }

  #readers(node: NetworkNode): number {
    return this.#nodes.filter((other) => inputsOf(other).includes(node.output.id)).length;
  }

  #plain(
    feature: { readonly id: number; readonly channels: number; readonly spatial: readonly number[] },
    output?: string,
  ) {
    const forms = this.#forms.get(feature.id)!;
    forms.plain ??= plainOf(this.onnx, this.#stacks(feature), feature, output);
    return forms.plain;
  }

  #stacks(feature: { readonly id: number; readonly channels: number; readonly spatial: readonly number[] }): Stacks {
    const forms = this.#forms.get(feature.id)!;
    forms.stacks ??= forms.joined ? [this.#together(forms.joined)] : [stackOf(this.onnx, forms.plain!, feature)];
    return forms.stacks;
  }

  #together(features: readonly Feature[]): PlaneStack {
    const parts = features.map((feature) => together(this.onnx, this.#stacks(feature)));
    const name = this.onnx.node(
      "Concat",
      parts.map((part) => part.name),
      { axis: 1 },
    );
    return { ...parts[0]!, name, channels: features.reduce((sum, { channels }) => sum + channels, 0) };
  }

  /** Stores a parameter as the network has it. */
  #parameter(name: string): string {
    const own = `${this.prefix}${name}`;
    if (this.#stored.has(own)) return own;
    this.#stored.add(own);
    const { data, shape } = this.weights.get(name)!;
    return this.onnx.weight(own, data, shape);
  }
}

/** Whether the taps of a transposed convolution lie in the same plane or in two. */
function canBeWoven({ stride }: Extract<NetworkNode, { kind: "upConv" }>): boolean {
  return stride.length === 2 || stride[0]! <= 2;
}

function inputsOf(node: NetworkNode): readonly number[] {
  return node.kind === "concat" || node.kind === "add" ? node.inputs.map(({ id }) => id) : [node.input.id];
}

/** Whether some convolution of a network has a blocked form. */
export function hasBlockedForm(graph: NetworkGraph, block: number): boolean {
  return graph.nodes.some(
    (node) =>
      node.kind === "conv" &&
      node.kernel.some((k) => k > 1) &&
      node.input.channels >= block &&
      isBlockable(node, block),
  );
}
