import type { Configuration } from "../artefacts.ts";
import { InvalidArtifactError } from "../errors.ts";

/**
 * What the schema cannot say: that the lists of a configuration fit together. A plan edited by hand fails here with
 * the field that has to change.
 *
 * @throws {InvalidArtifactError}
 */
export function checkConfiguration(configuration: Configuration, name: string, path: string): void {
  const fail = (field: string, problem: string) =>
    new InvalidArtifactError(path, `configurations.${name}.${field}`, problem);
  const { patchSize, architecture: net } = configuration;
  const axes = patchSize.length;
  const perAxis: (readonly [string, readonly number[]])[] = [
    ["spacing", configuration.spacing],
    ["median_image_size_in_voxels", configuration.medianImageSize],
    ...net.kernelSizes.map((k, i) => [`architecture.arch_kwargs.kernel_sizes[${i}]`, k] as const),
    ...(net.decoderKernelSizes ?? []).map((k, i) => [`nnunet_ts.decoder_kernel_sizes[${i}]`, k] as const),
    ...net.strides.map((s, i) => [`architecture.arch_kwargs.strides[${i}]`, s] as const),
  ];
  for (const [field, value] of perAxis) {
    if (value.length !== axes) {
      throw fail(field, `expected ${axes} numbers, one per axis of patch_size, got ${value.length}`);
    }
  }
  const stages = net.strides.length;
  const perStage: (readonly [string, number, number])[] = [
    ["kernel_sizes", net.kernelSizes.length, stages],
    ["features_per_stage", net.featuresPerStage.length, stages],
    [net.kind === "plain" ? "n_conv_per_stage" : "n_blocks_per_stage", net.convsPerStage.length, stages],
    ["n_conv_per_stage_decoder", net.convsPerStageDecoder.length, stages - 1],
  ];
  for (const [field, length, expected] of perStage) {
    if (length !== expected) {
      const what = expected === stages ? "one per entry of strides" : "one fewer than strides has";
      throw fail(`architecture.arch_kwargs.${field}`, `expected ${expected} entries, ${what}, got ${length}`);
    }
  }
  const decoder = net.decoderKernelSizes;
  if (
    decoder &&
    (decoder.length !== stages - 1 || decoder.some((kernel) => kernel.some((k) => k % 2 === 0 || k > 99)))
  ) {
    throw fail("nnunet_ts.decoder_kernel_sizes", `expected ${stages - 1} entries of odd numbers of at most 99`);
  }
  for (const [i, kernel] of net.kernelSizes.entries()) {
    if (kernel.some((k) => k % 2 === 0)) {
      throw fail(`architecture.arch_kwargs.kernel_sizes[${i}]`, `expected odd numbers, got [${kernel.join(", ")}]`);
    }
  }
  if (net.strides[0]?.some((s) => s !== 1)) {
    throw fail("architecture.arch_kwargs.strides[0]", `expected all 1, got [${net.strides[0].join(", ")}]`);
  }
  for (let axis = 0; axis < axes; axis++) {
    const divisor = net.strides.reduce((product, stride) => product * stride[axis]!, 1);
    if (patchSize[axis]! % divisor !== 0) {
      const problem = `expected a multiple of ${divisor} (the product of the strides of this axis), got ${patchSize[axis]}`;
      throw fail(`patch_size[${axis}]`, problem);
    }
  }
  const channels = configuration.normalizationSchemes.length;
  if (configuration.useMaskForNorm.length !== channels) {
    const problem = `expected ${channels} entries, one per channel, got ${configuration.useMaskForNorm.length}`;
    throw fail("use_mask_for_norm", problem);
  }
}
