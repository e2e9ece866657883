import { z } from "zod";
import { augmentationSets, averagings, normalizationSchemes } from "../names.ts";
import { intensityPerChannelSchema } from "../json/intensity-json.ts";
import {
  flag,
  list,
  nonNegativeInteger,
  positive,
  positiveInteger,
  segment,
  text,
  three,
  twoOrThree,
} from "../json/json-numbers.ts";

/*
 * `plans.json` as nnU-Net v2 writes it (docs/method.md §2.9). What is ours stands in `nnunet_ts` and `explanation`, where
 * Python nnU-Net does not look; never inside `arch_kwargs`, which it hands to the network's constructor.
 */

const perAxis = twoOrThree(positiveInteger, "one positive integer per axis, two or three");

export const resamplingSchema = z.object(
  {
    is_seg: flag.optional(),
    order: nonNegativeInteger.max(5, { error: "expected a spline order of 0 to 5" }),
    order_z: nonNegativeInteger.max(5, { error: "expected a spline order of 0 to 5" }),
    force_separate_z: flag.nullable(),
  },
  { error: "expected { order, order_z, force_separate_z }" },
);

const normalizationNames = Object.values(normalizationSchemes).map(({ inPlans }) => inPlans);

/** One of the names, all of which the error lists. */
function oneOf<const T extends readonly string[]>(names: T) {
  return z.enum(names, { error: `expected one of ${names.join(", ")}` });
}

/** An object all of whose keys matter: one that is not known is refused, because a network without it is another one. */
function knownKeys<T extends z.ZodRawShape>(shape: T, what: string) {
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === "unrecognized_keys"
        ? `expected no ${issue.keys.map((key) => JSON.stringify(key)).join(", ")}, which nnunet does not know`
        : `expected ${what}`,
  });
}

export const architectureSchema = z.object(
  {
    network_class_name: z
      .string({ error: "expected the name of a network class" })
      .regex(/(^|\.)(PlainConvUNet|ResidualEncoderUNet)$/, {
        error: "expected the class PlainConvUNet or ResidualEncoderUNet (no other network is built)",
      }),
    arch_kwargs: knownKeys(
      {
        n_stages: positiveInteger,
        features_per_stage: list(positiveInteger, "one number of feature maps per resolution stage"),
        conv_op: z
          .string({ error: "expected a convolution" })
          .regex(/(^|\.)Conv[23]d$/, { error: "expected Conv2d or Conv3d of torch" })
          .optional(),
        kernel_sizes: list(perAxis, "one kernel size per resolution stage"),
        strides: list(perAxis, "one stride per resolution stage"),
        n_conv_per_stage: list(positiveInteger, "one number of convolutions per resolution stage").optional(),
        n_blocks_per_stage: list(positiveInteger, "one number of blocks per resolution stage").optional(),
        n_conv_per_stage_decoder: list(positiveInteger, "one number of convolutions per decoder stage"),
        conv_bias: flag.default(false),
        norm_op: z
          .string({ error: "expected an instance norm or a batch norm (no other is supported)" })
          .regex(/(^|\.)(Instance|Batch)Norm[23]d$/, {
            error: "expected an instance norm or a batch norm (no other is supported)",
          }),
        norm_op_kwargs: knownKeys(
          {
            eps: positive.default(1e-5),
            affine: z.literal(true, { error: "expected true: only norms with scale and shift are supported" }),
            // of running statistics, which a batch norm has and an instance norm has not
            momentum: z.unknown().optional(),
            track_running_stats: flag.optional(),
          },
          "the arguments of the norm",
        ),
        dropout_op: z.null({ error: "expected null: dropout is not supported" }).optional(),
        dropout_op_kwargs: z.unknown().optional(),
        nonlin: z
          .string({ error: "expected torch.nn.LeakyReLU or torch.nn.ReLU (no other is supported)" })
          .regex(/^torch\.nn\.(modules\.activation\.)?(LeakyReLU|ReLU)$/, {
            error: "expected torch.nn.LeakyReLU or torch.nn.ReLU (no other is supported)",
          }),
        nonlin_kwargs: knownKeys(
          {
            inplace: flag.optional(),
            negative_slope: z
              .number({ error: "expected a number of at least 0" })
              .min(0, { error: "expected a number of at least 0" })
              .optional(),
          },
          "the arguments of the nonlinearity",
        ).nullish(),
        nonlin_first: flag.optional(),
        stem_channels: positiveInteger.nullish(),
        // the heads of all resolutions are there either way
        deep_supervision: flag.optional(),
      },
      "the arguments of the network",
    ),
    _kw_requires_import: list(text, "a list of names").optional(),
  },
  { error: "expected the network: { network_class_name, arch_kwargs }" },
);

/** What we add to a configuration; the defaults are what Python nnU-Net v2 does. */
export const configurationExtrasSchema = z.object({
  dummy_2d_augmentation: flag.optional(),
  normalize_before_resampling: flag.optional(),
  averaging: oneOf(averagings).optional(),
  augmentation: oneOf(augmentationSets).optional(),
  transposed_conv_bias: flag.optional(),
  head_bias: flag.optional(),
  norm: oneOf(["none"]).optional(),
  decoder_kernel_sizes: list(perAxis, "one kernel size per decoder stage").optional(),
});

const resamplingName = z
  .literal("resample_data_or_seg_to_shape", {
    error: 'expected "resample_data_or_seg_to_shape" (no other is supported; plan again with a standard planner)',
  })
  .optional();

const names = z.union([segment, list(segment, "names")], { error: "expected the name of a configuration" });

export const configurationSchema = z.object(
  {
    data_identifier: segment,
    preprocessor_name: z
      .literal("DefaultPreprocessor", { error: 'expected "DefaultPreprocessor" (no other is supported)' })
      .optional(),
    batch_size: positiveInteger.describe("Patches per batch"),
    patch_size: perAxis.describe("Voxels, [(z,) y, x] after transposition; a multiple of the product of the strides"),
    median_image_size_in_voxels: twoOrThree(positive, "one positive number per axis, two or three").describe(
      "The typical image at this spacing",
    ),
    spacing: twoOrThree(positive, "one positive number per axis in mm, two or three").describe(
      "Target voxel size, mm, [(z,) y, x] after transposition",
    ),
    normalization_schemes: list(oneOf(normalizationNames), "one normalization scheme per channel").min(1, {
      error: "expected at least one channel",
    }),
    use_mask_for_norm: list(flag, "true or false per channel").describe(
      "Per channel: normalise by, and within, the nonzero region alone",
    ),
    resampling_fn_data: resamplingName,
    resampling_fn_seg: resamplingName,
    resampling_fn_probabilities: resamplingName,
    resampling_fn_data_kwargs: resamplingSchema,
    resampling_fn_seg_kwargs: resamplingSchema,
    resampling_fn_probabilities_kwargs: resamplingSchema,
    architecture: architectureSchema,
    batch_dice: flag.describe("Dice over the whole batch instead of the mean over its patches"),
    previous_stage: segment.nullish().describe("Configuration whose segmentation is an extra input (cascade)"),
    next_stage: names.nullish(),
    inherits_from: segment.optional().describe("Configuration from which all keys that are left out are taken"),
    nnunet_ts: configurationExtrasSchema.optional(),
  },
  { error: "expected a configuration (a JSON object)" },
);

const decisionSchema = z.object({
  configuration: text,
  rule: text,
  source: text,
  inputs: z.record(z.string(), z.unknown()),
  result: z.unknown(),
  rejected: list(z.object({ alternative: z.unknown(), reason: text }), "rejected alternatives"),
  text,
});

const byName = (what: string) => z.record(z.string(), z.unknown(), { error: `expected ${what} by name` });

const variantSchema = z.object(
  { name: segment, planner: byName("options of the planner"), training: byName("options of the training") },
  { error: "expected a variant: { name, planner, training }" },
);

const permutation = three(
  nonNegativeInteger.max(2, { error: "expected an axis: 0, 1 or 2" }),
  "an order of the three axes, such as [0, 1, 2]",
);

const top = {
  dataset_name: segment,
  plans_name: segment,
  original_median_spacing_after_transp: three(positive, "three positive numbers [z, y, x] in mm"),
  original_median_shape_after_transp: three(positive, "three positive numbers [z, y, x] in voxels"),
  image_reader_writer: text,
  transpose_forward: permutation.describe("Original axis that becomes axis 0, 1, 2; the coarsest comes first"),
  transpose_backward: permutation,
  experiment_planner_used: text,
  label_manager: text.optional(),
  foreground_intensity_properties_per_channel: intensityPerChannelSchema,
  nnunet_ts: z.object({ rule_set: text.optional(), variant: variantSchema.optional() }).optional(),
  explanation: list(decisionSchema, "a list of decisions").optional(),
};

/** The frame alone; each configuration is validated once its inheritance is resolved. */
export const plansFrameSchema = z.object(
  {
    ...top,
    configurations: z.record(z.string(), z.record(z.string(), z.unknown(), { error: "expected a configuration" }), {
      error: "expected configurations by name",
    }),
  },
  { error: "expected plans (a JSON object)" },
);

/** The whole file, for publication as JSON Schema: a configuration is complete, or it inherits what it leaves out. */
export const plansSchema = z
  .object({
    ...top,
    configurations: z.record(
      z.string(),
      z.union([configurationSchema, configurationSchema.partial().extend({ inherits_from: text })]),
    ),
  })
  .meta({ title: "plans.json", description: "The plans of nnunet-ts and nnU-Net v2" });

export type ConfigurationJson = z.infer<typeof configurationSchema>;
