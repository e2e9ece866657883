import { type Architecture, elementCount, InvalidArgumentError } from "@nnunet/core";
import type { Feature, NetworkGraph, NetworkNode, Parameter } from "./network-graph.ts";

export interface NetworkSize {
  /** Image channels, plus one per foreground label of the previous configuration in a cascade. */
  readonly inputChannels: number;
  /** Classes with background, or regions. */
  readonly outputChannels: number;
  /** [(z,) y, x] voxels of the patch; divisible by the product of the strides. */
  readonly patchSize: readonly number[];
}

/**
 * The U-Net of a configuration as a graph (docs/method.md §5).
 *
 * Encoder stages of convolution – instance norm – leaky ReLU (plain), or of residual blocks; the first convolution of
 * a stage has its stride. The decoder upsamples by a transposed convolution (kernel = stride), puts the upsampled
 * features first and the skip second, and mirrors the encoder's kernels. Every decoder stage has a 1×1 head.
 *
 * @throws {InvalidArgumentError} if the lists of the architecture do not fit together or the patch is not divisible
 * @example
 * const graph = buildNetwork(plans.configurations["3d_fullres"].architecture, {
 *   inputChannels: 1, outputChannels: 3, patchSize: [40, 56, 40],
 * });
 * @see Isensee et al. 2021, Nature Methods 18:203, Methods, "Architecture template"
 */
export function buildNetwork(architecture: Architecture, size: NetworkSize): NetworkGraph {
  checkArchitecture(architecture, size);
  const { featuresPerStage, kernelSizes, strides, convsPerStage, convsPerStageDecoder } = architecture;
  const b = new GraphBuilder(architecture);
  const input = b.feature(size.inputChannels, size.patchSize);

  let x = input;
  if (architecture.kind === "residual") {
    const stemFeatures = architecture.stemFeatures ?? featuresPerStage[0]!;
    x = b.convNormRelu("encoder.stem.convs.0", x, stemFeatures, kernelSizes[0]!, ones(size.patchSize));
  }
  const skips: Feature[] = [];
  for (let stage = 0; stage < featuresPerStage.length; stage++) {
    for (let i = 0; i < convsPerStage[stage]!; i++) {
      const stride = i === 0 ? strides[stage]! : ones(size.patchSize);
      x =
        architecture.kind === "plain"
          ? b.convNormRelu(
              `encoder.stages.${stage}.0.convs.${i}`,
              x,
              featuresPerStage[stage]!,
              kernelSizes[stage]!,
              stride,
            )
          : b.residualBlock(
              `encoder.stages.${stage}.blocks.${i}`,
              x,
              featuresPerStage[stage]!,
              kernelSizes[stage]!,
              stride,
            );
    }
    skips.push(x);
  }

  const outputs: Feature[] = [];
  for (let j = 0; j < convsPerStageDecoder.length; j++) {
    const stage = featuresPerStage.length - 2 - j;
    const up = b.upConv(`decoder.transpconvs.${j}`, x, featuresPerStage[stage]!, strides[stage + 1]!);
    x = b.concat([up, skips[stage]!]);
    for (let i = 0; i < convsPerStageDecoder[j]!; i++) {
      x = b.convNormRelu(
        `decoder.stages.${j}.convs.${i}`,
        x,
        featuresPerStage[stage]!,
        architecture.decoderKernelSizes?.[j] ?? kernelSizes[stage]!,
        ones(size.patchSize),
      );
    }
    outputs.unshift(b.head(`decoder.seg_layers.${j}`, x, size.outputChannels));
  }
  return { input, nodes: b.nodes, outputs, parameters: b.parameters };
}

/**
 * Size of each deep-supervision output relative to the patch, highest resolution first.
 *
 * @example outputScales(architecture); // [[1, 1, 1], [1, 0.5, 0.5], [0.5, 0.25, 0.25]]
 */
export function outputScales(architecture: Architecture): number[][] {
  const scales: number[][] = [];
  let scale = architecture.strides[0]!.map((s) => 1 / s);
  for (let stage = 0; stage < architecture.convsPerStageDecoder.length; stage++) {
    scales.push(scale);
    scale = scale.map((s, axis) => s / architecture.strides[stage + 1]![axis]!);
  }
  return scales;
}

const ones = (like: readonly number[]): number[] => like.map(() => 1);

class GraphBuilder {
  readonly nodes: NetworkNode[] = [];
  readonly parameters: Parameter[] = [];
  readonly #architecture: Architecture;
  #nextId = 0;

  constructor(architecture: Architecture) {
    this.#architecture = architecture;
  }

  feature(channels: number, spatial: readonly number[]): Feature {
    return { id: this.#nextId++, channels, spatial };
  }

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
      shortcut = this.feature(
        input.channels,
        input.spatial.map((n, axis) => n / stride[axis]!),
      );
      this.nodes.push({ kind: "averagePool", input, output: shortcut, stride });
    }
    if (input.channels !== channels) {
      shortcut = this.convNorm(`${name}.skip.${pools ? 1 : 0}`, shortcut, channels, ones(kernel), ones(stride), false);
    }
    const sum = this.feature(channels, body.spatial);
    this.nodes.push({ kind: "add", inputs: [body, shortcut], output: sum });
    return this.relu(sum);
  }

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

  concat(inputs: readonly Feature[]): Feature {
    const output = this.feature(
      inputs.reduce((sum, f) => sum + f.channels, 0),
      inputs[0]!.spatial,
    );
    this.nodes.push({ kind: "concat", inputs, output });
    return output;
  }

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

function checkArchitecture(a: Architecture, size: NetworkSize): void {
  const stages = a.featuresPerStage.length;
  const lengths: [string, number, number][] = [
    ["kernelSizes", a.kernelSizes.length, stages],
    ["strides", a.strides.length, stages],
    ["convsPerStage", a.convsPerStage.length, stages],
    ["convsPerStageDecoder", a.convsPerStageDecoder.length, stages - 1],
  ];
  if (stages < 2)
    throw new InvalidArgumentError("architecture.featuresPerStage", "at least two stages", a.featuresPerStage);
  for (const [name, length, expected] of lengths) {
    if (length !== expected) {
      throw new InvalidArgumentError(
        `architecture.${name}`,
        `${expected} entries for ${stages} resolution stages`,
        length,
      );
    }
  }
  const axes = size.patchSize.length;
  if (axes !== 2 && axes !== 3) throw new InvalidArgumentError("patchSize", "2 or 3 axes", size.patchSize);
  for (const [name, list] of [
    ["kernelSizes", a.kernelSizes],
    ["strides", a.strides],
  ] as const) {
    for (const entry of list) {
      if (entry.length !== axes)
        throw new InvalidArgumentError(`architecture.${name}`, `${axes} numbers per stage`, entry);
    }
  }
  for (const kernel of a.kernelSizes) {
    if (!kernel.every((k) => k % 2 === 1))
      throw new InvalidArgumentError("architecture.kernelSizes", "odd kernels", kernel);
  }
  for (let axis = 0; axis < axes; axis++) {
    const total = a.strides.reduce((product, s) => product * s[axis]!, 1);
    if (size.patchSize[axis]! % total !== 0) {
      throw new InvalidArgumentError(
        "patchSize",
        `axis ${axis} divisible by the product of its strides (${total})`,
        size.patchSize,
      );
    }
  }
}
