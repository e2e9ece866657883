import { type Architecture, elementCount } from "@nnunet/core";
import type { Feature, NetworkGraph, NetworkNode, Parameter } from "./network-graph.ts";

const ones = (like: readonly number[]): number[] => like.map(() => 1);

/**
 * Writes a network down node by node. Its choices (bias, norm, slope) are the architecture's.
 *
 * @example
 * const b = new GraphBuilder(architecture);
 * const input = b.feature(1, [32, 32, 32]);
 * const x = b.convNormRelu("block", input, 16, [3, 3, 3], [1, 1, 1]); // parameters block.conv.weight, block.norm.weight, …
 * const graph = b.graph(input, [b.head("head", x, 2)]);
 */
export class GraphBuilder {
  readonly nodes: NetworkNode[] = [];
  readonly parameters: Parameter[] = [];
  readonly #architecture: Architecture;
  #nextId = 0;

  constructor(architecture: Architecture) {
    this.#architecture = architecture;
  }

  /** The network that leads from the input to the outputs. */
  graph(input: Feature, outputs: readonly Feature[]): NetworkGraph {
    return { input, nodes: this.nodes, outputs, parameters: this.parameters };
  }

  /** A value of so many channels and voxels per axis; the input of a network is one. */
  feature(channels: number, spatial: readonly number[]): Feature {
    return { id: this.#nextId++, channels, spatial };
  }

  /** Convolution, norm, leaky ReLU. */
  convNormRelu(
    name: string,
    input: Feature,
    channels: number,
    kernel: readonly number[],
    stride: readonly number[],
  ): Feature {
    const bias = this.#architecture.convBias;
    if (!this.#architecture.activationFirst)
      return this.relu(this.convNorm(name, input, channels, kernel, stride, bias));
    return this.norm(`${name}.norm`, this.relu(this.conv(`${name}.conv`, input, channels, kernel, stride, bias)));
  }

  convNorm(
    name: string,
    input: Feature,
    channels: number,
    kernel: readonly number[],
    stride: readonly number[],
    biased: boolean,
    lastNormScale = 1,
  ): Feature {
    const isPlain = this.#architecture.norm === "none";
    const x = this.conv(`${name}.conv`, input, channels, kernel, stride, biased || isPlain);
    return this.norm(`${name}.norm`, x, lastNormScale);
  }

  norm(name: string, input: Feature, scale = 1): Feature {
    if (this.#architecture.norm === "none") return input;
    const output = this.feature(input.channels, input.spatial);
    const common = {
      input,
      output,
      scale: this.#constant(`${name}.weight`, input.channels, scale),
      bias: this.#constant(`${name}.bias`, input.channels, 0),
      epsilon: this.#architecture.normEpsilon,
    };
    if (this.#architecture.norm !== "batch") this.nodes.push({ kind: "instanceNorm", ...common });
    else {
      const mean = this.#statistic(`${name}.running_mean`, input.channels, 0);
      const variance = this.#statistic(`${name}.running_var`, input.channels, 1);
      this.nodes.push({ kind: "batchNorm", ...common, mean, variance });
    }
    return output;
  }

  conv(
    name: string,
    input: Feature,
    channels: number,
    kernel: readonly number[],
    stride: readonly number[],
    biased: boolean,
  ): Feature {
    const output = this.feature(
      channels,
      input.spatial.map((n, axis) => n / stride[axis]!),
    );
    const fanIn = input.channels * elementCount(kernel);
    const weight = this.#kaiming(`${name}.weight`, [channels, input.channels, ...kernel], fanIn);
    const bias = biased ? { bias: this.#constant(`${name}.bias`, channels, 0) } : {};
    this.nodes.push({ kind: "conv", input, output, weight, ...bias, kernel, stride });
    return output;
  }

  relu(input: Feature): Feature {
    const output = this.feature(input.channels, input.spatial);
    this.nodes.push({ kind: "leakyRelu", input, output, slope: this.#architecture.leakyReluSlope });
    return output;
  }

  /**
   * conv – norm – relu – conv – norm, plus a shortcut that pools and projects where shapes change (docs/method.md §5,
   * ResEnc).
   */
  residualBlock(
    name: string,
    input: Feature,
    channels: number,
    kernel: readonly number[],
    stride: readonly number[],
  ): Feature {
    const bias = this.#architecture.convBias;
    const inner = this.relu(this.convNorm(`${name}.conv1`, input, channels, kernel, stride, bias));
    // the last norm of a block starts at 0, so that each block starts as its shortcut
    const body = this.convNorm(`${name}.conv2`, inner, channels, kernel, ones(stride), bias, 0);
    const pools = stride.some((s) => s !== 1);
    let shortcut = input;
    if (pools) {
      shortcut = this.averagePool(input, stride);
    }
    if (input.channels !== channels) {
      shortcut = this.convNorm(`${name}.skip.${pools ? 1 : 0}`, shortcut, channels, ones(kernel), ones(stride), false);
    }
    return this.relu(this.add(body, shortcut));
  }

  /** The sum of two features of one size. */
  add(a: Feature, b: Feature): Feature {
    const output = this.feature(a.channels, a.spatial);
    this.nodes.push({ kind: "add", inputs: [a, b], output });
    return output;
  }

  averagePool(input: Feature, stride: readonly number[]): Feature {
    const output = this.feature(
      input.channels,
      input.spatial.map((n, axis) => n / stride[axis]!),
    );
    this.nodes.push({ kind: "averagePool", input, output, stride });
    return output;
  }

  /** Transposed convolution, kernel = stride. */
  upConv(name: string, input: Feature, channels: number, stride: readonly number[]): Feature {
    const output = this.feature(
      channels,
      input.spatial.map((n, axis) => n * stride[axis]!),
    );
    // PyTorch reads the fan-in of a transposed convolution from the weight's second axis, the output channels.
    const fanIn = channels * elementCount(stride);
    const weight = this.#kaiming(`${name}.weight`, [input.channels, channels, ...stride], fanIn);
    const bias = this.#architecture.transposedConvBias ? { bias: this.#constant(`${name}.bias`, channels, 0) } : {};
    this.nodes.push({ kind: "upConv", input, output, weight, ...bias, stride });
    return output;
  }

  /** Channels one after the other. */
  concat(inputs: readonly Feature[]): Feature {
    const output = this.feature(
      inputs.reduce((sum, f) => sum + f.channels, 0),
      inputs[0]!.spatial,
    );
    this.nodes.push({ kind: "concat", inputs, output });
    return output;
  }

  /** Logits: a convolution over single voxels. */
  head(name: string, input: Feature, channels: number): Feature {
    return this.conv(name, input, channels, ones(input.spatial), ones(input.spatial), this.#architecture.headBias);
  }

  #kaiming(name: string, shape: readonly number[], fanIn: number): string {
    this.parameters.push({
      name,
      shape,
      initial: { kind: "kaiming", fanIn, slope: this.#architecture.leakyReluSlope },
    });
    return name;
  }

  #statistic(name: string, length: number, value: number): string {
    this.parameters.push({ name, shape: [length], trained: false, initial: { kind: "constant", value } });
    return name;
  }

  #constant(name: string, length: number, value: number): string {
    this.parameters.push({ name, shape: [length], initial: { kind: "constant", value } });
    return name;
  }
}
