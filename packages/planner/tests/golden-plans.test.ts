import { expect, test } from "@jest/globals";
import { type Configuration, type Plans, plansFromJson, plansToJson } from "@nnunet/core";
import { defaultPlanner } from "@nnunet/planner";
import { datasetOf, type GoldenDataset, readGolden, uniformFingerprint } from "./support/golden.ts";

interface GoldenConfiguration {
  patch_size: number[];
  batch_size: number;
  strides: number[][];
  kernels: number[][];
  median_shape: number[];
  spacing: number[];
  do_dummy_2d?: boolean;
  features?: number[];
  n_conv_per_stage?: number[];
  n_conv_per_stage_decoder?: number[];
  batch_dice?: boolean;
}
type GoldenPlans = Record<"2d" | "3d_lowres" | "3d_fullres", GoldenConfiguration> & {
  transpose_forward: number[];
  input_3d: GoldenDataset;
  "2d_input"?: Pick<GoldenDataset, "spacing" | "shape">;
};

function planOf(input: GoldenDataset, ruleSet: string, modality?: string, name?: string): Plans {
  const { spacing, shape, num_cases, num_modalities, num_fg_classes } = input;
  const dataset = { ...datasetOf(num_cases, num_modalities, num_fg_classes, modality), ...(name && { name }) };
  return defaultPlanner.plan(uniformFingerprint(spacing, shape, num_cases, num_modalities), dataset, { ruleSet });
}

test("paper: every network of the ten Decathlon datasets as the paper-era code plans it", () => {
  for (const [name, golden] of Object.entries(readGolden<Record<string, GoldenPlans>>("v1.1.2_v21_plans.json"))) {
    const plans = planOf(golden.input_3d, "paper");
    const plans2d = planOf({ ...golden.input_3d, ...golden["2d_input"] }, "paper");
    const actual: Record<string, unknown> = { transpose_forward: plans.transposeForward };
    const expected: Record<string, unknown> = { transpose_forward: golden.transpose_forward };
    for (const key of ["2d", "3d_lowres", "3d_fullres"] as const) {
      const flat = key === "2d";
      const configuration = (flat ? plans2d : plans).configurations[key];
      const wanted = golden[key];
      actual[key] = configuration && {
        patch: configuration.patchSize,
        batch: configuration.batchSize,
        strides: configuration.architecture.strides.slice(1),
        kernels: configuration.architecture.kernelSizes,
        median: configuration.medianImageSize,
        spacing: configuration.spacing,
        dummy: configuration.dummy2dAugmentation,
      };
      expected[key] = wanted && {
        patch: wanted.patch_size,
        batch: wanted.batch_size,
        strides: wanted.strides,
        kernels: wanted.kernels,
        median: flat ? wanted.median_shape.slice(1) : wanted.median_shape,
        spacing: flat ? wanted.spacing.slice(1) : wanted.spacing,
        dummy: wanted.do_dummy_2d,
      };
    }
    expect({ [name]: actual }).toEqual({ [name]: expected });
  }
});

test.each([
  ["v2", "v2_default_plans.json"],
  ["resenc-m", "v2_resencM_plans.json"],
  ["resenc-l", "v2_resencL_plans.json"],
])("%s: every network of the ten Decathlon datasets as nnU-Net v2 plans it", (ruleSet, file) => {
  const describe = (c: Configuration) => ({
    patch_size: c.patchSize,
    batch_size: c.batchSize,
    strides: c.architecture.strides,
    kernels: c.architecture.kernelSizes,
    features: c.architecture.featuresPerStage,
    n_stages: c.architecture.strides.length,
    n_conv_per_stage: c.architecture.convsPerStage,
    n_conv_per_stage_decoder: c.architecture.convsPerStageDecoder,
    spacing: c.spacing,
    median_shape: c.medianImageSize,
    batch_dice: c.batchDice,
  });
  for (const [name, golden] of Object.entries(readGolden<Record<string, GoldenPlans>>(file))) {
    const { transpose_forward, input_3d, ...configurations } = golden;
    const plans = planOf(input_3d, ruleSet);
    const actual = Object.entries(plans.configurations).filter(([key]) => key !== "3d_cascade_fullres");
    expect({
      [name]: {
        ...Object.fromEntries(actual.map(([key, c]) => [key, describe(c)])),
        transpose: plans.transposeForward,
      },
    }).toEqual({ [name]: { ...configurations, transpose: transpose_forward } });
  }
});

test("v2: the whole plans.json of nnU-Net v2, but for what nnunet-ts adds", () => {
  const inputs = readGolden<Record<string, GoldenPlans>>("v2_default_plans.json");
  const modalities = readGolden<{ id: string; modality: string }[]>("paper_tables.json");
  // biome-ignore lint/suspicious/noExplicitAny: JSON of another program
  for (const [name, golden] of Object.entries(readGolden<Record<string, any>>("v2_default_plans_fulljson.json"))) {
    const plans = planOf(inputs[name]!.input_3d, "v2", modalities.find(({ id }) => id === name)!.modality);
    // biome-ignore lint/suspicious/noExplicitAny: JSON
    const json: any = JSON.parse(JSON.stringify(plansToJson(plans)));
    expect(plansFromJson(json, name)).toEqual(plans);
    const { nnunet_ts: _, explanation: _e, ...rest } = json;
    for (const configuration of Object.values<Record<string, unknown>>(rest.configurations))
      delete configuration.nnunet_ts;
    expect(rest).toEqual({
      ...golden,
      // the golden run had no names, reader and statistics of its own
      dataset_name: plans.datasetName,
      image_reader_writer: "SimpleITKIO",
      foreground_intensity_properties_per_channel: json.foreground_intensity_properties_per_channel,
    });
  }
});

test("paper: the patch and batch sizes of the 26 networks that the paper's Tables F.1 to F.19 print", () => {
  interface Printed {
    patch_size: number[];
    batch_size: number;
  }
  type Row = { id: string; modality: string; name: string } & Record<`paper_${string}`, Printed | null>;
  const golden = readGolden<Record<string, GoldenPlans>>("v1.1.2_v21_plans.json");
  let compared = 0;
  for (const row of readGolden<Row[]>("paper_tables.json")) {
    const { input_3d, "2d_input": input2d } = golden[row.id]!;
    const { name } = row;
    for (const key of ["2d", "3d_fullres", "3d_lowres"] as const) {
      const input = key === "2d" ? { ...input_3d, ...input2d } : input_3d;
      const plans = planOf(input, "paper", row.modality, name);
      const printed = row[`paper_${key}`];
      const ours = plans.configurations[key];
      expect([row.id, key, ours?.patchSize, ours?.batchSize]).toEqual([
        row.id,
        key,
        printed?.patch_size,
        printed?.batch_size,
      ]);
      if (!printed) continue;
      compared++;
      // and the explanation knows the same table
      const { text } = plans.explanation.find((d) => d.rule === "comparison-with-paper" && d.configuration === key)!;
      expect(text).toMatch(new RegExp(`are those of the paper's Table F.\\d+ \\(${row.id}\\)`));
    }
  }
  expect(compared).toBe(26);
});
