import { InvalidArtifactError, type ModelDataset, modelDatasetFromJson, type Plans, plansFromJson } from "@nnunet/core";
import { PickleDict, PickleTuple } from "../pickle/pickle-values.ts";
import { plainValue } from "../pickle/plain-value.ts";
import { checkTrainer, v1TrainedNetwork } from "./trainers.ts";

/** What the `.model.pkl` beside a checkpoint of nnU-Net v1 says. */
export interface V1Description {
  readonly plans: Plans;
  readonly configuration: string;
  readonly dataset: ModelDataset;
  readonly trainer: string;
  readonly warnings: readonly string[];
  readonly fold: number | "all" | undefined;
}

type JsonObject = Record<string, unknown>;

/**
 * The plans, the dataset and the configuration of a model that nnU-Net v1 trained, as ours.
 *
 * @param value - of the pickle
 * @param datasetJson - of the raw dataset, where its user has put it beside the model: v1's own files do not name labels
 * @param asPlanned - whether an unfamiliar trainer is taken to build the network of its plans
 * @throws {InvalidArtifactError} if it is something else, or its network or preprocessing is one that is not built
 */
export function describeV1(value: unknown, path: string, datasetJson: unknown, asPlanned: boolean): V1Description {
  const fail = (field: string, problem: string) => new InvalidArtifactError(path, field, problem);
  if (!(value instanceof PickleDict)) throw fail("", "is no description of a model of nnU-Net v1");
  const trainer = value.get("name");
  if (typeof trainer !== "string") throw fail("name", "expected the name of a trainer");
  const warning = checkTrainer(v1TrainedNetwork(trainer), trainer, { path, field: "name", asPlanned });
  const init = value.get("init") instanceof PickleTuple ? (value.get("init") as PickleTuple).items : [];
  const raw = plainValue(value.get("plans"), path, "plans");
  if (typeof raw !== "object" || raw === null) throw fail("plans", "expected the plans of the model");
  const plans = raw as JsonObject;
  const stages = table(plans["plans_per_stage"]);
  const names = Object.keys(stages);
  const chosen = typeof init[5] === "number" ? String(init[5]) : names.length === 1 ? names[0]! : undefined;
  const stage = chosen === undefined ? undefined : stages[chosen];
  if (stage === undefined) throw fail("init", `does not say which of the plans' stages ${names.join(", ")} it is`);
  const is2d = list(table(stage)["patch_size"]).length === 2;
  const configuration = is2d ? "2d" : names.length > 1 && chosen === "0" ? "3d_lowres" : "3d_fullres";
  const dataset = v1Dataset(plans, datasetJson, path);
  const json = v1PlansJson(plans, table(stage), configuration, fail);
  const fold = init[1];
  return {
    plans: plansFromJson(json, `${path} → plans`),
    configuration,
    dataset,
    trainer,
    warnings: warning === undefined ? [] : [warning],
    fold: typeof fold === "number" ? fold : fold === "all" ? "all" : undefined,
  };
}

const table = (value: unknown): JsonObject =>
  typeof value === "object" && value !== null ? (value as JsonObject) : {};
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

/** Plans of v1 with the keys of v2; what v1 does otherwise stands in `nnunet_ts`. */
function v1PlansJson(
  plans: JsonObject,
  stage: JsonObject,
  configuration: string,
  fail: (field: string, problem: string) => Error,
): unknown {
  const patch = list(stage["patch_size"]);
  const axes = patch.length;
  const pools = list(stage["pool_op_kernel_sizes"]);
  const kernels = list(stage["conv_kernel_sizes"]);
  const count = pools.length + 1;
  if (kernels.length !== count) {
    throw fail(
      "plans.plans_per_stage",
      "its stage lacks pool_op_kernel_sizes or conv_kernel_sizes; plans that old are not read",
    );
  }
  const base = Number(plans["base_num_features"]);
  // constants of v1's network, which its plans do not hold
  const cap = axes === 3 ? 320 : 480;
  const convolutions = Number(plans["conv_per_stage"] ?? 2);
  const channels = Number(plans["num_modalities"]);
  const schemes = table(plans["normalization_schemes"]);
  const masks = table(plans["use_mask_for_norm"]);
  const intensities = table(table(plans["dataset_properties"])["intensityproperties"]);
  const perChannel = <T>(of: (channel: string) => T): T[] => Array.from({ length: channels }, (_, i) => of(String(i)));
  const lastAxes = (value: unknown) => list(value).slice(-axes);
  const resampling = (order: number, is_seg: boolean) => ({ is_seg, order, order_z: 0, force_separate_z: null });
  const function_ = "resample_data_or_seg_to_shape";
  return {
    dataset_name: "nnUNet_v1",
    plans_name: "nnUNetPlansv2.1",
    original_median_spacing_after_transp: fillUp(list(stage["original_spacing"])),
    original_median_shape_after_transp: fillUp(list(stage["median_patient_size_in_voxels"])),
    image_reader_writer: "SimpleITKIO",
    transpose_forward: plans["transpose_forward"] ?? [0, 1, 2],
    transpose_backward: plans["transpose_backward"] ?? [0, 1, 2],
    experiment_planner_used: "nnU-Net v1",
    label_manager: "LabelManager",
    foreground_intensity_properties_per_channel: Object.fromEntries(
      perChannel((channel) => [channel, intensityOf(table(intensities[channel]))]),
    ),
    nnunet_ts: { rule_set: "v1" },
    configurations: {
      [configuration]: {
        data_identifier: configuration,
        preprocessor_name: "DefaultPreprocessor",
        batch_size: stage["batch_size"],
        patch_size: patch,
        median_image_size_in_voxels: lastAxes(stage["median_patient_size_in_voxels"]),
        spacing: lastAxes(stage["current_spacing"]),
        normalization_schemes: perChannel((channel) => schemeOf(schemes[channel], fail)),
        use_mask_for_norm: perChannel((channel) => masks[channel] === true),
        resampling_fn_data: function_,
        resampling_fn_seg: function_,
        resampling_fn_probabilities: function_,
        resampling_fn_data_kwargs: resampling(3, false),
        resampling_fn_seg_kwargs: resampling(1, true),
        resampling_fn_probabilities_kwargs: resampling(1, false),
        architecture: {
          network_class_name: "PlainConvUNet",
          arch_kwargs: {
            n_stages: count,
            features_per_stage: kernels.map((_, s) => Math.min(base * 2 ** s, cap)),
            conv_op: `torch.nn.modules.conv.Conv${axes}d`,
            kernel_sizes: kernels,
            strides: [patch.map(() => 1), ...pools],
            n_conv_per_stage: kernels.map(() => convolutions),
            n_conv_per_stage_decoder: pools.map(() => convolutions),
            conv_bias: true,
            norm_op: `torch.nn.modules.instancenorm.InstanceNorm${axes}d`,
            norm_op_kwargs: { eps: 1e-5, affine: true },
            nonlin: "torch.nn.LeakyReLU",
            nonlin_kwargs: { inplace: true },
          },
        },
        batch_dice: false,
        nnunet_ts: {
          normalize_before_resampling: false,
          averaging: "probabilities",
          augmentation: "none",
          transposed_conv_bias: false,
          head_bias: false,
          // each stage of v1's decoder has the kernels of the resolution below it
          decoder_kernel_sizes: kernels.slice(1).reverse(),
        },
      },
    },
  };
}

/** Three positive numbers, whatever is missing. */
function fillUp(values: readonly unknown[]): unknown[] {
  return values.length === 3 ? [...values] : [1, 1, 1].map((one, i) => values[i - (3 - values.length)] ?? one);
}

function schemeOf(name: unknown, fail: (field: string, problem: string) => Error): string {
  if (name === "CT") return "CTNormalization";
  if (name === "noNorm") return "NoNormalization";
  if (name === "nonCT") return "ZScoreNormalization";
  throw fail("plans.normalization_schemes", `expected CT, nonCT or noNorm, got ${JSON.stringify(name ?? null)}`);
}

function intensityOf(properties: JsonObject) {
  const { mean = 0, median = 0, sd = 1, mn = 0, mx = 0, percentile_99_5 = 0, percentile_00_5 = 0 } = properties;
  return { mean, median, std: sd, min: mn, max: mx, percentile_99_5, percentile_00_5 };
}

function v1Dataset(plans: JsonObject, datasetJson: unknown, path: string): ModelDataset {
  if (datasetJson !== undefined) return modelDatasetFromJson(datasetJson, path.replace(/[^/]*$/, "dataset.json"));
  const modalities = table(plans["modalities"]);
  const channels = Number(plans["num_modalities"]);
  const classes = list(plans["all_classes"]);
  const json = {
    channel_names: Object.fromEntries(
      Array.from({ length: channels }, (_, i) => [String(i), String(modalities[String(i)] ?? `channel ${i}`)]),
    ),
    labels: { background: 0, ...Object.fromEntries(classes.map((id) => [`label ${String(id)}`, id])) },
    file_ending: ".nii.gz",
  };
  return modelDatasetFromJson(json, `${path} → plans`);
}
