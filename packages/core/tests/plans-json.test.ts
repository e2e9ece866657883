import { readFileSync } from "node:fs";
import { expect, test } from "@jest/globals";
import { type Plans, plansFromJson, plansToJson, normalizationSchemes } from "@nnunet/core";

const golden = new URL("../../../test-data/golden/v2_default_plans_fulljson.json", import.meta.url);

// biome-ignore lint/suspicious/noExplicitAny: JSON that the tests damage on purpose
type Json = any;

/** Plans with a cascade, as Python nnU-Net v2 writes them; numbers made up. */
export function pythonPlans(): Json {
  const configuration = (name: string, axes: 2 | 3) => {
    const all = (n: number) => Array(axes).fill(n);
    const resampling = (order: number, is_seg = false) => ({ is_seg, order, order_z: 0, force_separate_z: null });
    return {
      data_identifier: `nnUNetPlans_${name}`,
      preprocessor_name: "DefaultPreprocessor",
      batch_size: 2,
      patch_size: all(64),
      median_image_size_in_voxels: all(60.5),
      spacing: all(1.5),
      normalization_schemes: ["CTNormalization"],
      use_mask_for_norm: [false],
      resampling_fn_data: "resample_data_or_seg_to_shape",
      resampling_fn_seg: "resample_data_or_seg_to_shape",
      resampling_fn_data_kwargs: resampling(3),
      resampling_fn_seg_kwargs: resampling(1, true),
      resampling_fn_probabilities: "resample_data_or_seg_to_shape",
      resampling_fn_probabilities_kwargs: resampling(1),
      architecture: {
        network_class_name: "dynamic_network_architectures.architectures.unet.PlainConvUNet",
        arch_kwargs: {
          n_stages: 3,
          features_per_stage: [32, 64, 128],
          conv_op: `torch.nn.modules.conv.Conv${axes}d`,
          kernel_sizes: [all(3), all(3), all(3)],
          strides: [all(1), all(2), all(2)],
          n_conv_per_stage: [2, 2, 2],
          n_conv_per_stage_decoder: [2, 2],
          conv_bias: true,
          norm_op: `torch.nn.modules.instancenorm.InstanceNorm${axes}d`,
          norm_op_kwargs: { eps: 1e-5, affine: true },
          dropout_op: null,
          dropout_op_kwargs: null,
          nonlin: "torch.nn.LeakyReLU",
          nonlin_kwargs: { inplace: true },
        },
        _kw_requires_import: ["conv_op", "norm_op", "dropout_op", "nonlin"],
      },
      batch_dice: true,
    };
  };
  return {
    dataset_name: "Dataset900_MadeUp",
    plans_name: "nnUNetPlans",
    original_median_spacing_after_transp: [1.5, 1.5, 1.5],
    original_median_shape_after_transp: [60, 60, 61],
    image_reader_writer: "SimpleITKIO",
    transpose_forward: [1, 0, 2],
    transpose_backward: [1, 0, 2],
    configurations: {
      "2d": configuration("2d", 2),
      "3d_lowres": { ...configuration("3d_lowres", 3), next_stage: "3d_cascade_fullres" },
      "3d_fullres": configuration("3d_fullres", 3),
      "3d_cascade_fullres": { inherits_from: "3d_fullres", previous_stage: "3d_lowres" },
    },
    experiment_planner_used: "ExperimentPlanner",
    label_manager: "LabelManager",
    foreground_intensity_properties_per_channel: {
      "0": { max: 300, mean: 100.5, median: 99, min: -20, percentile_00_5: -3, percentile_99_5: 210, std: 40.25 },
    },
  };
}

/** Leaves out what only nnunet-ts writes. */
function withoutOurKeys(value: Json): Json {
  if (Array.isArray(value) || typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([key]) => key !== "nnunet_ts" && key !== "explanation");
  return Object.fromEntries(entries.map(([key, inner]) => [key, withoutOurKeys(inner)]));
}

test("reads the plans of Python nnU-Net v2 with its defaults", () => {
  const plans = plansFromJson(pythonPlans(), "plans.json");
  const cascade = plans.configurations["3d_cascade_fullres"]!;
  expect(cascade.previousConfiguration).toBe("3d_lowres");
  expect(cascade.patchSize).toEqual([64, 64, 64]);
  expect(cascade.architecture.headBias).toBe(true);
  expect(cascade.averaging).toBe("logits");
  expect(plans.ruleSet).toBe("v2");
  expect(plans.foregroundIntensityPerChannel[0]!.percentile995).toBe(210);
});

test("writes Python's plans back as they were, and reads its own", () => {
  const plans = plansFromJson(pythonPlans(), "plans.json");
  const json = JSON.parse(JSON.stringify(plansToJson(plans)));
  expect(withoutOurKeys(json)).toEqual(pythonPlans());
  expect(plansFromJson(json, "plans.json")).toEqual(plans);
});

test("writes what differs from Python's defaults, and reads it again", () => {
  const plans = plansFromJson(pythonPlans(), "plans.json");
  const paper = {
    ...plans.configurations["2d"]!,
    averaging: "probabilities",
    augmentation: "paper",
    normalizeBeforeResampling: false,
  } as const;
  const network = { ...paper.architecture, transposedConvBias: false, headBias: false, leakyReluSlope: 0.2 };
  const mine: Plans = { ...plans, ruleSet: "paper", configurations: { "2d": { ...paper, architecture: network } } };
  expect(plansFromJson(JSON.parse(JSON.stringify(plansToJson(mine))), "plans.json")).toEqual(mine);
});

test("reads the flat network keys of plans older than nnU-Net v2.2", () => {
  const json = pythonPlans();
  const { architecture, ...rest } = json.configurations["3d_fullres"];
  json.configurations["3d_fullres"] = {
    ...rest,
    UNet_class_name: "PlainConvUNet",
    UNet_base_num_features: 32,
    n_conv_per_stage_encoder: [2, 2, 2],
    n_conv_per_stage_decoder: [2, 2],
    num_pool_per_axis: [2, 2, 2],
    pool_op_kernel_sizes: architecture.arch_kwargs.strides,
    conv_kernel_sizes: architecture.arch_kwargs.kernel_sizes,
    unet_max_num_features: 320,
  };
  expect(plansFromJson(json, "plans.json")).toEqual(plansFromJson(pythonPlans(), "plans.json"));
});

test("reads one number for all stages, and one for all axes, as nnU-Net v2 does", () => {
  const json = pythonPlans();
  Object.assign(json.configurations["3d_fullres"].architecture.arch_kwargs, {
    kernel_sizes: 3,
    strides: [1, 2, 2],
    n_conv_per_stage: 2,
    n_conv_per_stage_decoder: 2,
  });
  expect(plansFromJson(json, "plans.json")).toEqual(plansFromJson(pythonPlans(), "plans.json"));
});

test("reads and writes the settings of a network that the planners leave alone", () => {
  const json = pythonPlans();
  Object.assign(json.configurations["2d"].architecture.arch_kwargs, {
    nonlin: "torch.nn.ReLU",
    nonlin_first: true,
    norm_op: "torch.nn.modules.batchnorm.BatchNorm2d",
  });
  const residual = json.configurations["3d_lowres"].architecture;
  residual.network_class_name = "dynamic_network_architectures.architectures.unet.ResidualEncoderUNet";
  const { n_conv_per_stage, ...kwargs } = residual.arch_kwargs;
  residual.arch_kwargs = { ...kwargs, n_blocks_per_stage: n_conv_per_stage, stem_channels: 24 };
  const plans = plansFromJson(json, "plans.json");
  expect(plans.configurations["2d"]!.architecture).toMatchObject({
    leakyReluSlope: 0,
    activationFirst: true,
    norm: "batch",
  });
  expect(plans.configurations["3d_lowres"]!.architecture).toMatchObject({ kind: "residual", stemFeatures: 24 });
  const written = JSON.parse(JSON.stringify(plansToJson(plans)));
  expect(plansFromJson(written, "plans.json")).toEqual(plans);
  expect(withoutOurKeys(written)).toEqual(json);
});

const schemes = Object.values(normalizationSchemes)
  .map(({ inPlans }) => inPlans)
  .join(", ");
const mistakes: [string, (json: Json) => void, string | RegExp][] = [
  [
    "too few axes",
    (json) => json.configurations["2d"].patch_size.pop(),
    "plans.json → configurations.2d.patch_size: expected one positive integer per axis, two or three, got [64]",
  ],
  [
    "a missing key",
    (json) => delete json.configurations["2d"].batch_size,
    "plans.json → configurations.2d.batch_size: is missing; expected a positive integer",
  ],
  [
    "NaN",
    (json) => (json.configurations["3d_fullres"].spacing[1] = Number.NaN),
    "plans.json → configurations.3d_fullres.spacing[1]: expected a positive number, got NaN",
  ],
  [
    "an indivisible patch",
    (json) => (json.configurations["3d_fullres"].patch_size[2] = 66),
    "plans.json → configurations.3d_fullres.patch_size[2]: expected a multiple of 4 (the product of the strides of this axis), got 66",
  ],
  [
    "a kernel list that is too short",
    (json) => json.configurations["2d"].architecture.arch_kwargs.kernel_sizes.pop(),
    "plans.json → configurations.2d.architecture.arch_kwargs.kernel_sizes: expected 3 entries, one per entry of strides, got 2",
  ],
  [
    "an unknown normalization",
    (json) => (json.configurations["2d"].normalization_schemes[0] = "MagicNormalization"),
    `plans.json → configurations.2d.normalization_schemes[0]: expected one of ${schemes}, got "MagicNormalization"`,
  ],
  [
    "an unknown parent",
    (json) => (json.configurations["3d_cascade_fullres"].inherits_from = "3d_ful"),
    'plans.json → configurations.3d_cascade_fullres.inherits_from: names "3d_ful", which is none of 2d, 3d_lowres, 3d_fullres, 3d_cascade_fullres',
  ],
  [
    "inheritance in a circle",
    (json) => (json.configurations["3d_fullres"].inherits_from = "3d_cascade_fullres"),
    "plans.json → configurations.3d_cascade_fullres.inherits_from: inherits in a circle: 3d_fullres → 3d_cascade_fullres → 3d_fullres",
  ],
  [
    "another resampling function",
    (json) => (json.configurations["3d_lowres"].resampling_fn_data = "resample_torch_fornnunet"),
    'plans.json → configurations.3d_lowres.resampling_fn_data: expected "resample_data_or_seg_to_shape" (no other is supported; plan again with a standard planner), got "resample_torch_fornnunet"',
  ],
  [
    "another normalization layer",
    (json) => (json.configurations["2d"].architecture.arch_kwargs.norm_op = "torch.nn.GroupNorm"),
    'plans.json → configurations.2d.architecture.arch_kwargs.norm_op: expected an instance norm or a batch norm (no other is supported), got "torch.nn.GroupNorm"',
  ],
  [
    "a batch norm without running statistics",
    (json) =>
      Object.assign(json.configurations["2d"].architecture.arch_kwargs, {
        norm_op: "torch.nn.modules.batchnorm.BatchNorm2d",
        norm_op_kwargs: { eps: 1e-5, affine: true, track_running_stats: false },
      }),
    "plans.json → configurations.2d.architecture.arch_kwargs.norm_op_kwargs: expected running statistics with momentum 0.1, as batch norms have them here",
  ],
  [
    "an instance norm with running statistics",
    (json) => (json.configurations["2d"].architecture.arch_kwargs.norm_op_kwargs.track_running_stats = true),
    "plans.json → configurations.2d.architecture.arch_kwargs.norm_op_kwargs: expected track_running_stats false: instance norms with running statistics are not supported",
  ],
  [
    "a network of another class",
    (json) => (json.configurations["2d"].architecture.network_class_name = "mine.NotPlainConvUNet"),
    'plans.json → configurations.2d.architecture.network_class_name: expected the class PlainConvUNet or ResidualEncoderUNet (no other network is built), got "mine.NotPlainConvUNet"',
  ],
  [
    "an argument of the network that we do not know",
    (json) => (json.configurations["2d"].architecture.arch_kwargs.squeeze_excitation = true),
    /^plans\.json → configurations\.2d\.architecture\.arch_kwargs: expected no "squeeze_excitation", which nnunet does not know, got /,
  ],
  [
    "an argument of the other class",
    (json) => (json.configurations["2d"].architecture.arch_kwargs.stem_channels = 8),
    "plans.json → configurations.2d.architecture.arch_kwargs.stem_channels: is no argument of dynamic_network_architectures.architectures.unet.PlainConvUNet; remove it",
  ],
  [
    "a norm without scale and shift, which torch's own default is",
    (json) => (json.configurations["2d"].architecture.arch_kwargs.norm_op_kwargs = {}),
    "plans.json → configurations.2d.architecture.arch_kwargs.norm_op_kwargs.affine: is missing; expected true: only norms with scale and shift are supported",
  ],
  [
    "no nonlinearity at all",
    (json) => delete json.configurations["2d"].architecture.arch_kwargs.nonlin,
    "plans.json → configurations.2d.architecture.arch_kwargs.nonlin: is missing; expected torch.nn.LeakyReLU or torch.nn.ReLU (no other is supported)",
  ],
  [
    "convolutions of another dimension",
    (json) => (json.configurations["2d"].architecture.arch_kwargs.conv_op = "torch.nn.modules.conv.Conv3d"),
    'plans.json → configurations.2d.architecture.arch_kwargs.conv_op: expected one of 2d, as patch_size has 2 axes, got "torch.nn.modules.conv.Conv3d"',
  ],
  [
    "a transposition that is none",
    (json) => (json.transpose_backward = [2, 0, 1]),
    "plans.json → transpose_backward: expected the inverse of transpose_forward [1, 0, 2], got [2, 0, 1]",
  ],
];

test.each(mistakes)("wrong plans are refused by field: %s", (_, damage, message) => {
  const json = pythonPlans();
  damage(json);
  let error: unknown;
  try {
    plansFromJson(json, "plans.json");
  } catch (caught) {
    error = caught;
  }
  if (typeof message === "string") expect((error as Error)?.message).toBe(message);
  else expect((error as Error)?.message).toMatch(message);
});

test("reads and writes all complete golden plans of nnU-Net v2", () => {
  const all = JSON.parse(readFileSync(golden, "utf8"));
  expect(Object.keys(all).length).toBe(10);
  for (const [name, json] of Object.entries<Json>(all)) {
    const plans = plansFromJson(json, name);
    const written = JSON.parse(JSON.stringify(plansToJson(plans)));
    expect(withoutOurKeys(written)).toEqual(json);
    expect(plansFromJson(written, name)).toEqual(plans);
  }
});

test.each<[string, (json: Json) => void, string]>([
  [
    "patch of 2³⁰",
    (json) => (json.configurations["2d"].patch_size = [2 ** 30, 2 ** 30]),
    "patch_size: expected at most 134,217,728 voxels in a patch",
  ],
  [
    "batch of 2³⁰",
    (json) => (json.configurations["2d"].batch_size = 2 ** 30),
    "batch_size: expected at most 65,536 patches in a batch",
  ],
  [
    "spacing of 1e-300 mm",
    (json) => (json.configurations["2d"].spacing = [1e-300, 1]),
    "spacing[0]: expected 1e-8 to 1,000,000 mm",
  ],
  [
    "image of 1e300 voxels",
    (json) => (json.configurations["2d"].median_image_size_in_voxels = [1e300, 1]),
    "median_image_size_in_voxels[0]: expected at most",
  ],
  [
    "2³⁰ features",
    (json) => (json.configurations["2d"].architecture.arch_kwargs.features_per_stage[1] = 2 ** 30),
    "features_per_stage: expected at most 536,870,912 weights in the network",
  ],
  [
    "10⁶ convolutions in a stage",
    (json) => (json.configurations["2d"].architecture.arch_kwargs.n_conv_per_stage[0] = 1e6),
    "n_conv_per_stage[0]: expected at most 100 convolutions",
  ],
  [
    "kernels of 10⁹ + 1",
    (json) => (json.configurations["2d"].architecture.arch_kwargs.kernel_sizes[0] = [1e9 + 1, 1]),
    "kernel_sizes[0]: expected at most 99 voxels along an axis",
  ],
  [
    "10⁵ resolution stages",
    (json) => {
      const kwargs = json.configurations["2d"].architecture.arch_kwargs;
      const stages = 50;
      Object.assign(kwargs, {
        n_stages: stages,
        strides: Array(stages).fill([1, 1]),
        kernel_sizes: Array(stages).fill([3, 3]),
        features_per_stage: Array(stages).fill(1),
        n_conv_per_stage: Array(stages).fill(1),
        n_conv_per_stage_decoder: Array(stages - 1).fill(1),
      });
    },
    "n_stages: expected at most 28 resolution stages, got 50",
  ],
  [
    "a million strides",
    (json) => (json.configurations["2d"].architecture.arch_kwargs.strides = Array(1e6).fill([1, 1])),
    "configurations.2d: expected at most 2000 values in it",
  ],
  [
    "20,000 configurations that inherit from each other",
    (json) => {
      for (let i = 1; i < 20_000; i++) json.configurations[`c${i}`] = { inherits_from: i === 1 ? "2d" : `c${i - 1}` };
    },
    "configurations: expected at most 100 configurations",
  ],
  [
    "null for a configuration",
    (json) => (json.configurations["2d"] = null),
    "configurations.2d: expected a configuration, got null",
  ],
  [
    "null for the architecture",
    (json) => (json.configurations["2d"].architecture = null),
    "architecture: expected the network",
  ],
  [
    "an old plan whose strides are texts",
    (json) => {
      const { architecture: _, ...rest } = json.configurations["2d"];
      json.configurations["2d"] = {
        ...rest,
        UNet_class_name: "PlainConvUNet",
        pool_op_kernel_sizes: ["5"],
        conv_kernel_sizes: [
          [3, 3],
          [3, 3],
        ],
        n_conv_per_stage_encoder: [1, 1],
        n_conv_per_stage_decoder: [1],
        UNet_base_num_features: 8,
        unet_max_num_features: 16,
      };
    },
    "strides[1]: expected one positive integer per axis",
  ],
])("refuses by bounds: %s", (_, damage, message) => {
  const json = pythonPlans();
  damage(json);
  expect(() => plansFromJson(json, "plans.json")).toThrow(message);
});
