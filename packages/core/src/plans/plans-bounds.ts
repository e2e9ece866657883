import type { Configuration } from "../artefacts.ts";
import { largestSpacing, longestAxis, mostChannels, smallestSpacing } from "../json/artefact-bounds.ts";
import { InvalidArtifactError } from "../errors.ts";
import { elementCount } from "../volume.ts";

/*
 * How large the numbers of a plan may be. Not what a machine can train (that is asked later, with its memory in hand),
 * but what no machine can, and what ends the process before anything can be asked.
 */

/** nnU-Net makes four. */
export const mostConfigurations = 100;

/** A configuration of 28 stages has 500 numbers and texts. */
const mostValues = 2000;

/** 512³: in float32, half a gibibyte for each feature map. */
const mostPatchVoxels = 2 ** 27;
const largestBatch = 2 ** 16;
const mostBatchVoxels = 2 ** 31;
/** A patch of 2²⁷ voxels along one axis is halved 27 times. */
const mostStages = 28;
const mostConvolutionsPerStage = 100;
/** model.onnx holds its weights inside, and protobuf ends at 2 GiB. */
const mostWeights = 2 ** 29;
const largestKernel = 99;

/** Before a configuration is validated, which takes time per value. @throws {InvalidArtifactError} */
export function checkValueCount(configuration: unknown, name: string, path: string): void {
  let left = mostValues;
  const count = (value: unknown): void => {
    if (--left < 0) {
      throw new InvalidArtifactError(path, `configurations.${name}`, `expected at most ${mostValues} values in it`);
    }
    if (typeof value === "object" && value !== null) for (const key in value) count((value as JsonTable)[key]);
  };
  count(configuration);
}

type JsonTable = Readonly<Record<string, unknown>>;

/**
 * @throws {InvalidArtifactError} naming the field whose number is out of bounds; lists fit together already
 *   (`checkConfiguration`)
 */
export function checkBounds(configuration: Configuration, name: string, path: string): void {
  const { patchSize, batchSize, architecture: net } = configuration;
  const fail = (field: string, problem: string) =>
    new InvalidArtifactError(path, `configurations.${name}.${field}`, problem);
  const atMost = (field: string, what: string, value: number, largest: number) => {
    if (!(value <= largest)) throw fail(field, `expected at most ${shown(largest)} ${what}, got ${shown(value)}`);
  };
  const patchVoxels = elementCount(patchSize);
  atMost("patch_size", "voxels in a patch", patchVoxels, mostPatchVoxels);
  atMost("batch_size", "patches in a batch", batchSize, largestBatch);
  atMost("batch_size", "voxels in a batch", batchSize * patchVoxels, mostBatchVoxels);
  for (const [axis, length] of configuration.medianImageSize.entries()) {
    atMost(`median_image_size_in_voxels[${axis}]`, "voxels", length, longestAxis);
  }
  for (const [axis, spacing] of configuration.spacing.entries()) {
    if (!(spacing >= smallestSpacing && spacing <= largestSpacing)) {
      throw fail(`spacing[${axis}]`, `expected ${smallestSpacing} to ${shown(largestSpacing)} mm, got ${spacing}`);
    }
  }
  atMost("normalization_schemes", "channels", configuration.normalizationSchemes.length, mostChannels);
  const kwargs = "architecture.arch_kwargs";
  atMost(`${kwargs}.n_stages`, "resolution stages", net.strides.length, mostStages);
  for (const [stage, kernel] of net.kernelSizes.entries()) {
    atMost(`${kwargs}.kernel_sizes[${stage}]`, "voxels along an axis", Math.max(...kernel), largestKernel);
  }
  const perStage = net.kind === "plain" ? "n_conv_per_stage" : "n_blocks_per_stage";
  for (const [field, counts] of [
    [perStage, net.convsPerStage],
    ["n_conv_per_stage_decoder", net.convsPerStageDecoder],
  ] as const) {
    for (const [stage, count] of counts.entries()) {
      atMost(`${kwargs}.${field}[${stage}]`, "convolutions", count, mostConvolutionsPerStage);
    }
  }
  atMost(`${kwargs}.features_per_stage`, "weights in the network", weightCount(configuration), mostWeights);
}

/** Weights of the convolutions of encoder and decoder; what else a network has is little beside them. */
function weightCount({ architecture: net, normalizationSchemes }: Configuration): number {
  let total = 0;
  let before = normalizationSchemes.length;
  for (const [stage, features] of net.featuresPerStage.entries()) {
    const kernel = elementCount(net.kernelSizes[stage]!);
    // a residual block has two convolutions
    const convolutions = net.convsPerStage[stage]! * (net.kind === "plain" ? 1 : 2);
    total += kernel * features * (before + (convolutions - 1) * features);
    if (stage > 0) {
      const above = net.featuresPerStage[stage - 1]!;
      const decoder = net.convsPerStageDecoder[stage - 1]!;
      total += elementCount(net.strides[stage]!) * features * above;
      total += elementCount(net.kernelSizes[stage - 1]!) * above * (2 * above + (decoder - 1) * above);
    }
    before = features;
  }
  return total;
}

function shown(value: number): string {
  return value < 1e15 ? value.toLocaleString("en") : value.toPrecision(3);
}
