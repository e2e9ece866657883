import { readFileSync } from "node:fs";
import { expect, test } from "@jest/globals";
import { type Plans, plansFromJson, plansToJson } from "@nnunet/core";

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

const mistakes: [string, (json: Json) => void, string][] = [
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
    'plans.json → configurations.2d.normalization_schemes[0]: expected one of CTNormalization, ZScoreNormalization, NoNormalization, RescaleTo01Normalization, RGBTo01Normalization, got "MagicNormalization"',
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
    (json) => (json.configurations["2d"].architecture.arch_kwargs.norm_op = "torch.nn.modules.batchnorm.BatchNorm2d"),
    'plans.json → configurations.2d.architecture.arch_kwargs.norm_op: expected an instance norm (no other is supported), got "torch.nn.modules.batchnorm.BatchNorm2d"',
  ],
  [
    "a transposition that is none",
    (json) => (json.transpose_backward = [2, 0, 1]),
    "plans.json → transpose_backward: expected the inverse of transpose_forward [1, 0, 2], got [2, 0, 1]",
  ],
];

test.each(mistakes)("says what is wrong: %s", (_, damage, message) => {
  const json = pythonPlans();
  damage(json);
  let error: unknown;
  try {
    plansFromJson(json, "plans.json");
  } catch (caught) {
    error = caught;
  }
  expect((error as Error)?.message).toBe(message);
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
