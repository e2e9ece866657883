import type { Configuration, Plans, ResamplingScheme } from "../artefacts.ts";
import { InvalidArtifactError } from "../errors.ts";
import { intensityFromJson, intensityToJson } from "../json/intensity-json.ts";
import { type NormalizationScheme, normalizationSchemes } from "../names.ts";
import { listNames, parseArtifact } from "../json/parse-artifact.ts";
import { show } from "../text/show.ts";
import { checkPathSegment } from "../path-segment.ts";
import { checkBounds, checkValueCount, mostConfigurations } from "./plans-bounds.ts";
import { checkConfiguration } from "./plans-checks.ts";
import { writeOutLists } from "./network-arguments.ts";
import { modernizeConfiguration, resolveInheritance } from "./plans-inheritance.ts";
import { type ConfigurationJson, configurationSchema, plansFrameSchema } from "./plans-schema.ts";
import type { Shape3, Spacing } from "../volume.ts";

const schemeOf = Object.fromEntries(
  Object.entries(normalizationSchemes).map(([scheme, { inPlans }]) => [inPlans, scheme]),
) as Readonly<Record<string, NormalizationScheme>>;

/**
 * Reads `plans.json`: ours, or of any version of Python nnU-Net v2. Configurations come back whole, with what they
 * inherit. Keys that neither knows are left out.
 *
 * @param path - named in errors
 * @throws {InvalidArtifactError} names the field: "plans.json → configurations.2d.patch_size: expected …, got …"
 */
export function plansFromJson(json: unknown, path: string): Plans {
  const frame = parseArtifact(plansFrameSchema, json, path);
  for (const key of ["transpose_forward", "transpose_backward"] as const) {
    if (new Set(frame[key]).size !== 3) {
      throw new InvalidArtifactError(path, key, `expected each of 0, 1, 2 once, got [${frame[key].join(", ")}]`);
    }
  }
  if (frame.transpose_backward.some((axis, i) => frame.transpose_forward[axis] !== i)) {
    const problem = `expected the inverse of transpose_forward [${frame.transpose_forward.join(", ")}], got [${frame.transpose_backward.join(", ")}]`;
    throw new InvalidArtifactError(path, "transpose_backward", problem);
  }
  checkNames(json, path);
  const configurations: Record<string, Configuration> = {};
  for (const name of Object.keys(frame.configurations)) {
    const whole = modernizeConfiguration(resolveInheritance(frame.configurations, name, path));
    checkValueCount(whole, name, path);
    const parsed = parseArtifact(configurationSchema, writeOutLists(whole), path, ["configurations", name]);
    const configuration = configurationFromJson(parsed, name, path);
    checkConfiguration(configuration, name, path);
    checkBounds(configuration, name, path);
    configurations[name] = configuration;
  }
  for (const [name, { previousConfiguration }] of Object.entries(configurations)) {
    if (previousConfiguration !== undefined && !Object.hasOwn(configurations, previousConfiguration)) {
      const problem = `names "${previousConfiguration}", which is none of ${listNames(Object.keys(configurations))}`;
      throw new InvalidArtifactError(path, `configurations.${name}.previous_stage`, problem);
    }
  }
  return {
    datasetName: frame.dataset_name,
    plansName: frame.plans_name,
    planner: frame.experiment_planner_used,
    ruleSet: frame.nnunet_ts?.rule_set ?? "v2",
    originalMedianSpacing: frame.original_median_spacing_after_transp as unknown as Spacing,
    originalMedianShape: frame.original_median_shape_after_transp as unknown as Shape3,
    transposeForward: frame.transpose_forward,
    transposeBackward: frame.transpose_backward,
    imageReaderWriter: frame.image_reader_writer,
    foregroundIntensityPerChannel: intensityFromJson(frame.foreground_intensity_properties_per_channel, path),
    configurations,
    explanation: frame.explanation ?? [],
    ...(frame.nnunet_ts?.variant && { variant: frame.nnunet_ts.variant }),
  };
}

/** The names of the configurations as the file has them: zod leaves out `__proto__` without a word. */
function checkNames(json: unknown, path: string): void {
  const names = Object.keys((json as { configurations: object }).configurations);
  if (names.length > mostConfigurations) {
    const problem = `expected at most ${mostConfigurations} configurations, got ${names.length}`;
    throw new InvalidArtifactError(path, "configurations", problem);
  }
  for (const name of names) checkPathSegment(name, path, "configurations");
}

function configurationFromJson(json: ConfigurationJson, name: string, path: string): Configuration {
  const net = json.architecture.arch_kwargs;
  const kind = json.architecture.network_class_name.endsWith("PlainConvUNet") ? "plain" : "residual";
  const perStage = kind === "plain" ? "n_conv_per_stage" : "n_blocks_per_stage";
  const convsPerStage = net[perStage];
  const field = `configurations.${name}`;
  if (!convsPerStage) {
    throw new InvalidArtifactError(path, `${field}.architecture.arch_kwargs.${perStage}`, "is missing");
  }
  const misplaced = kind === "plain" ? "stem_channels" : "nonlin_first";
  if (net[misplaced] !== undefined && net[misplaced] !== null && net[misplaced] !== false) {
    const problem = `is no argument of ${json.architecture.network_class_name}; remove it`;
    throw new InvalidArtifactError(path, `${field}.architecture.arch_kwargs.${misplaced}`, problem);
  }
  const axes = `${json.patch_size.length}d`;
  for (const key of ["conv_op", "norm_op"] as const) {
    if (net[key] === undefined || net[key].endsWith(axes)) continue;
    const problem = `expected one of ${axes}, as patch_size has ${json.patch_size.length} axes, got ${show(net[key])}`;
    throw new InvalidArtifactError(path, `${field}.architecture.arch_kwargs.${key}`, problem);
  }
  const isBatchNorm = net.norm_op.includes("BatchNorm");
  const { momentum, track_running_stats: tracked = isBatchNorm } = net.norm_op_kwargs;
  if (tracked !== isBatchNorm || (isBatchNorm && momentum !== undefined && momentum !== 0.1)) {
    const problem = isBatchNorm
      ? "expected running statistics with momentum 0.1, as batch norms have them here"
      : "expected track_running_stats false: instance norms with running statistics are not supported";
    throw new InvalidArtifactError(path, `${field}.architecture.arch_kwargs.norm_op_kwargs`, problem);
  }
  if (net.n_stages !== net.strides.length) {
    const problem = `expected ${net.strides.length}, the number of strides, got ${net.n_stages}`;
    throw new InvalidArtifactError(path, `${field}.architecture.arch_kwargs.n_stages`, problem);
  }
  const next = typeof json.next_stage === "string" ? [json.next_stage] : (json.next_stage ?? []);
  if (next.length > 1) {
    throw new InvalidArtifactError(path, `${field}.next_stage`, `expected one configuration, got ${listNames(next)}`);
  }
  const extras = json.nnunet_ts ?? {};
  const patch = json.patch_size;
  return {
    dataIdentifier: json.data_identifier,
    batchSize: json.batch_size,
    patchSize: patch,
    medianImageSize: json.median_image_size_in_voxels,
    spacing: json.spacing,
    normalizationSchemes: json.normalization_schemes.map((scheme) => schemeOf[scheme]!),
    useMaskForNorm: json.use_mask_for_norm,
    resamplingData: resamplingFromJson(json.resampling_fn_data_kwargs),
    resamplingSeg: resamplingFromJson(json.resampling_fn_seg_kwargs),
    resamplingProbabilities: resamplingFromJson(json.resampling_fn_probabilities_kwargs),
    architecture: {
      kind,
      featuresPerStage: net.features_per_stage,
      kernelSizes: net.kernel_sizes,
      strides: net.strides,
      convsPerStage,
      convsPerStageDecoder: net.n_conv_per_stage_decoder,
      convBias: net.conv_bias,
      transposedConvBias: extras.transposed_conv_bias ?? net.conv_bias,
      headBias: extras.head_bias ?? true,
      normEpsilon: net.norm_op_kwargs.eps,
      leakyReluSlope: net.nonlin_kwargs?.negative_slope ?? (net.nonlin.endsWith("LeakyReLU") ? 0.01 : 0),
      ...(net.nonlin_first && { activationFirst: true }),
      ...(net.stem_channels && { stemFeatures: net.stem_channels }),
      ...(isBatchNorm && { norm: "batch" as const }),
      ...(extras.norm && { norm: extras.norm }),
      ...(extras.decoder_kernel_sizes && { decoderKernelSizes: extras.decoder_kernel_sizes }),
    },
    batchDice: json.batch_dice,
    ...(json.previous_stage && { previousConfiguration: json.previous_stage }),
    ...(next[0] !== undefined && { nextConfiguration: next[0] }),
    ...(json.inherits_from !== undefined && { inheritsFrom: json.inherits_from }),
    // The four defaults are what Python nnU-Net v2 does (docs/method.md §2.9, §3, §7).
    dummy2dAugmentation: extras.dummy_2d_augmentation ?? (patch.length === 3 && Math.max(...patch) / patch[0]! > 3),
    normalizeBeforeResampling: extras.normalize_before_resampling ?? true,
    averaging: extras.averaging ?? "logits",
    augmentation: extras.augmentation ?? "v2",
  };
}

function resamplingFromJson(json: ConfigurationJson["resampling_fn_data_kwargs"]): ResamplingScheme {
  return { order: json.order, orderZ: json.order_z, forceSeparateZ: json.force_separate_z };
}

/** The JSON of `plans.json`; `plansFromJson` gives the same plans back. A configuration that inherits lists its differences. */
export function plansToJson(plans: Plans): unknown {
  const configurations: Record<string, object> = {};
  for (const [name, configuration] of Object.entries(plans.configurations)) {
    const whole = configurationToJson(configuration);
    const parentName = configuration.inheritsFrom;
    const parent = parentName === undefined ? undefined : plans.configurations[parentName];
    configurations[name] = parent ? difference(whole, configurationToJson(parent)) : whole;
  }
  return {
    dataset_name: plans.datasetName,
    plans_name: plans.plansName,
    original_median_spacing_after_transp: plans.originalMedianSpacing,
    original_median_shape_after_transp: plans.originalMedianShape,
    image_reader_writer: plans.imageReaderWriter,
    transpose_forward: plans.transposeForward,
    transpose_backward: plans.transposeBackward,
    configurations,
    experiment_planner_used: plans.planner,
    label_manager: "LabelManager",
    foreground_intensity_properties_per_channel: intensityToJson(plans.foregroundIntensityPerChannel),
    nnunet_ts: { rule_set: plans.ruleSet, ...(plans.variant && { variant: plans.variant }) },
    explanation: plans.explanation,
  };
}

/** The entries of `child` that differ from `parent`'s; an entry that only the parent has becomes null. */
function difference(child: Record<string, unknown>, parent: Record<string, unknown>): Record<string, unknown> {
  const own = Object.entries(child).filter(([key, value]) => JSON.stringify(value) !== JSON.stringify(parent[key]));
  const removed = Object.keys(parent).filter((key) => !(key in child) && key !== "inherits_from");
  return { ...Object.fromEntries(own), ...Object.fromEntries(removed.map((key) => [key, null])) };
}

function configurationToJson(configuration: Configuration): Record<string, unknown> {
  const net = configuration.architecture;
  const dimensions = `${configuration.patchSize.length}d`;
  const plain = net.kind === "plain";
  return {
    ...(configuration.inheritsFrom !== undefined && { inherits_from: configuration.inheritsFrom }),
    ...(configuration.previousConfiguration !== undefined && { previous_stage: configuration.previousConfiguration }),
    data_identifier: configuration.dataIdentifier,
    preprocessor_name: "DefaultPreprocessor",
    batch_size: configuration.batchSize,
    patch_size: configuration.patchSize,
    median_image_size_in_voxels: configuration.medianImageSize,
    spacing: configuration.spacing,
    normalization_schemes: configuration.normalizationSchemes.map((scheme) => normalizationSchemes[scheme].inPlans),
    use_mask_for_norm: configuration.useMaskForNorm,
    resampling_fn_data: "resample_data_or_seg_to_shape",
    resampling_fn_seg: "resample_data_or_seg_to_shape",
    resampling_fn_data_kwargs: resamplingToJson(configuration.resamplingData, false),
    resampling_fn_seg_kwargs: resamplingToJson(configuration.resamplingSeg, true),
    resampling_fn_probabilities: "resample_data_or_seg_to_shape",
    resampling_fn_probabilities_kwargs: resamplingToJson(configuration.resamplingProbabilities, false),
    architecture: {
      network_class_name: `dynamic_network_architectures.architectures.unet.${plain ? "PlainConvUNet" : "ResidualEncoderUNet"}`,
      arch_kwargs: {
        n_stages: net.strides.length,
        features_per_stage: net.featuresPerStage,
        conv_op: `torch.nn.modules.conv.Conv${dimensions}`,
        kernel_sizes: net.kernelSizes,
        strides: net.strides,
        [plain ? "n_conv_per_stage" : "n_blocks_per_stage"]: net.convsPerStage,
        n_conv_per_stage_decoder: net.convsPerStageDecoder,
        conv_bias: net.convBias,
        norm_op: `torch.nn.modules.${net.norm === "batch" ? "batchnorm.Batch" : "instancenorm.Instance"}Norm${dimensions}`,
        norm_op_kwargs: { eps: net.normEpsilon, affine: true },
        dropout_op: null,
        dropout_op_kwargs: null,
        nonlin: `torch.nn.${net.leakyReluSlope === 0 ? "ReLU" : "LeakyReLU"}`,
        // PyTorch's own slope is 0.01, so Python nnU-Net leaves it out
        nonlin_kwargs: {
          inplace: true,
          ...(net.leakyReluSlope !== 0.01 && net.leakyReluSlope !== 0 && { negative_slope: net.leakyReluSlope }),
        },
        ...(net.activationFirst && { nonlin_first: true }),
        ...(net.stemFeatures !== undefined && { stem_channels: net.stemFeatures }),
      },
      _kw_requires_import: ["conv_op", "norm_op", "dropout_op", "nonlin"],
    },
    batch_dice: configuration.batchDice,
    ...(configuration.nextConfiguration !== undefined && { next_stage: configuration.nextConfiguration }),
    nnunet_ts: {
      dummy_2d_augmentation: configuration.dummy2dAugmentation,
      normalize_before_resampling: configuration.normalizeBeforeResampling,
      averaging: configuration.averaging,
      augmentation: configuration.augmentation,
      transposed_conv_bias: net.transposedConvBias,
      head_bias: net.headBias,
      ...(net.norm === "none" && { norm: net.norm }),
      ...(net.decoderKernelSizes && { decoder_kernel_sizes: net.decoderKernelSizes }),
    },
  };
}

function resamplingToJson(scheme: ResamplingScheme, isSegmentation: boolean) {
  const { order, orderZ, forceSeparateZ } = scheme;
  return { is_seg: isSegmentation, order, order_z: orderZ, force_separate_z: forceSeparateZ };
}
