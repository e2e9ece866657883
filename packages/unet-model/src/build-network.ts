import { type Architecture, InvalidArgumentError, type NetworkBuilder } from "@nnunet/core";
import { GraphBuilder } from "./graph-builder.ts";
import type { Feature, NetworkGraph, NetworkSize } from "./network-graph.ts";

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
  return b.graph(input, outputs);
}

/** The U-Net of the plan, as a stage. */
export const defaultNetwork: NetworkBuilder = { name: "default", build: buildNetwork };

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
