import type { Feature, NetworkGraph, NetworkNode } from "../../network-graph.ts";
import type { Weights } from "../../weights.ts";
import { averageFolds, type FoldAverage } from "../average-folds.ts";
import { addForwardNode, nodesFor } from "../forward-nodes.ts";
import { OnnxGraph } from "../onnx-graph.ts";
import { blockedConvolution, isBlockable } from "./blocked-convolution.ts";
import { blockedInstanceNorm } from "./blocked-norm.ts";
import { blockedUpConvolution } from "./blocked-up-convolution.ts";
import { type BlockedTensor, cleaned, pictureOf, toBlocked, toPlain, volumeSize } from "./blocked-tensor.ts";

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
  blocked?: BlockedTensor;
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
    const { onnx, block } = this;
    const head = this.graph.outputs[0]!;
    for (let i = 0; i < this.#nodes.length; i++) {
      const node = this.#nodes[i]!;
      const next = this.#nodes[i + 1];
      if (node.kind === "instanceNorm" && this.#channelsFit(node.input)) {
        // the activation behind it is taken along, if nothing else reads the norm
        const activated = next?.kind === "leakyRelu" && next.input.id === node.output.id && this.#readers(node) === 1;
        const slope = activated ? next.slope : undefined;
        const named = { ...node, scale: this.#parameter(node.scale), bias: this.#parameter(node.bias) };
        const blocked = blockedInstanceNorm(
          onnx,
          block,
          named,
          this.#blocked(node.input),
          slope,
          this.#isOfImage(node.input),
        );
        this.#forms.set(activated ? next.output.id : node.output.id, { blocked });
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
      const size = volumeSize(input.spatial);
      const isPicture = input.channels < block;
      const parts: readonly BlockedTensor[] = isPicture
        ? [
            {
              name: pictureOf(onnx, this.#plain(input), 1, input.channels, size),
              batch: 1,
              channels: input.channels,
              size,
              clean: true,
            },
          ]
        : (this.#forms.get(input.id)!.joined ?? [input]).map((part) =>
            node.kernel.some((k) => k > 1) ? this.#clean(part) : this.#blocked(part),
          );
      return { blocked: blockedConvolution(onnx, block, node, parts, this.weights, !this.#isCentred(node)) };
    }
    if (node.kind === "upConv" && this.#channelsFit(node.input) && this.#channelsFit(node.output)) {
      return { blocked: blockedUpConvolution(onnx, block, node, this.#blocked(node.input), this.weights) };
    }
    if (node.kind === "leakyRelu" && this.#hasBlocked(node.input.id)) {
      const x = this.#blocked(node.input);
      return { blocked: { ...x, name: onnx.node("LeakyRelu", [x.name], { alpha: { float: node.slope } }) } };
    }
    if (node.kind === "concat" && node.inputs.every((input) => this.#isBlocked(input))) return { joined: node.inputs };
    if (node.kind === "add" && node.inputs.every((input) => this.#isBlocked(input))) {
      const inputs = node.inputs.map((input) => this.#blocked(input));
      const names = inputs.map(({ name }) => name);
      const clean = inputs.every((input) => input.clean);
      return { blocked: { ...inputs[0]!, name: onnx.node("Add", names), channels: node.output.channels, clean } };
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

  #isBlocked(feature: { readonly id: number; readonly channels: number }): boolean {
    return this.#channelsFit(feature) && this.#hasBlocked(feature.id);
  }

  #hasBlocked(id: number): boolean {
    const { blocked, joined } = this.#forms.get(id)!;
    return blocked !== undefined || joined !== undefined;
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
    forms.plain ??= toPlain(this.onnx, this.block, this.#blocked(feature), feature.channels, feature.spatial, output);
    return forms.plain;
  }

  #blocked(feature: { readonly id: number; readonly channels: number; readonly spatial: readonly number[] }) {
    const forms = this.#forms.get(feature.id)!;
    forms.blocked ??= forms.joined
      ? this.#together(forms.joined)
      : toBlocked(this.onnx, this.block, forms.plain!, 1, feature.channels, volumeSize(feature.spatial));
    return forms.blocked;
  }

  #together(features: readonly Feature[]): BlockedTensor {
    const parts = features.map((feature) => this.#clean(feature));
    const name = this.onnx.node(
      "Concat",
      parts.map((part) => part.name),
      { axis: 1 },
    );
    return { ...parts[0]!, name, channels: features.reduce((sum, { channels }) => sum + channels, 0) };
  }

  /** The same with zeros between the planes, once for all that read it. */
  #clean(feature: { readonly id: number; readonly channels: number; readonly spatial: readonly number[] }) {
    const clean = cleaned(this.onnx, this.block, this.#blocked(feature));
    this.#forms.get(feature.id)!.blocked = clean;
    return clean;
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
