import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { pointwise, tinyMetadata, tinyModelBytes } from "../../inference/tests/tiny-model.ts";
import { nnunet, withScratch } from "./run-nnunet.ts";

const network = pointwise([[1], [2], [3]], [0.5, 0, 0], 3);
const model = (carried: Record<string, string> = {}) => tinyModelBytes(tinyMetadata([4, 4, 4]), network, 3, carried);

test("info shows all that a model carries", () =>
  withScratch(async (folder) => {
    const path = join(folder, "model.onnx");
    writeFileSync(path, model({ "somebody.note": "from \u001b[2Jthe clinic" }));
    const { code, stdout } = await nnunet("info", path);
    expect(code).toBe(0);
    expect(stdout).toContain('nnunet.dataset → channel_names: {"0":"MR0"}');
    expect(stdout).toContain('nnunet.dataset → labels: {"background":0,"a":1,"b":2}');
    expect(stdout).toContain('nnunet.plans → dataset_name: "Dataset900_Tiny"');
    expect(stdout).toContain("somebody.note: from \\x1b[2Jthe clinic");
    expect(stdout).toContain("graph.name: tiny");
    expect(stdout).not.toContain("beyond what prediction needs");
  }));

test("info says what a final predictor consists of, how good it is and why it was chosen", () =>
  withScratch(async (folder) => {
    const description = {
      format: "nnunet-ts predictor 1",
      dataset: "Dataset900_Tiny",
      plans: "nnUNetPlans",
      members: [{ configuration: "3d_fullres", folds: [0, 1], file: "3d_fullres.onnx" }],
      postprocessor: "default",
      score: { dice: 0.9123, interval: [0.9, 0.95], validation_cases: 20 },
      chosen: "3d_fullres has the best Dice\u001b[2J.",
      made_from: "a".repeat(64),
      files: { "3d_fullres.onnx": "b".repeat(64), "postprocessing.json": "c".repeat(64) },
    };
    writeFileSync(join(folder, "predictor.json"), JSON.stringify(description));
    const { code, stdout } = await nnunet("info", folder);
    expect(code).toBe(0);
    expect(stdout.split("\n").slice(0, 4)).toEqual([
      `${folder}: a final predictor of Dataset900_Tiny, all that is needed to predict (2 files)`,
      "  3d_fullres, folds 0, 1: 3d_fullres.onnx",
      "  mean Dice 0.9123 (95 % interval 0.9000 to 0.9500) over 20 validation cases",
      "  3d_fullres has the best Dice\\x1b[2J.",
    ]);
  }));

test("info says which model the second network of a cascade needs beside it", () =>
  withScratch(async (folder) => {
    const metadata = tinyMetadata([4, 4, 4], { configuration: { previousConfiguration: "3d_lowres" } });
    const configurations = { ...metadata.plans.configurations, "3d_lowres": metadata.plans.configurations["tiny"]! };
    const own = { ...metadata, plans: { ...metadata.plans, configurations } };
    const second = pointwise(
      [
        [1, 0, 0],
        [2, 0, 0],
        [3, 0, 0],
      ],
      [0.5, 0, 0],
      3,
    );
    const previous = JSON.stringify({ configuration: "3d_lowres", weights_sha256: ["a".repeat(64)] });
    const path = join(folder, "liver.onnx");
    writeFileSync(path, tinyModelBytes(own, second, 3, { "nnunet.previous_stage": previous }));
    const { stdout } = await nnunet("info", path);
    expect(stdout).toContain(
      "the second network of a cascade; the first, 3d_lowres, is to be beside it as liver.3d_lowres.onnx, or in its model folder",
    );
    expect(stdout).toContain(`nnunet.previous_stage → weights_sha256: ["${"a".repeat(64)}"]`);
  }));

test("info names what an older model carries of dataset.json beyond what prediction needs, and --json all of it", () =>
  withScratch(async (folder) => {
    const path = join(folder, "model.onnx");
    const whole = {
      name: "Dataset900_Tiny",
      description: "x".repeat(1000),
      reference: "somebody@hospital.example",
      channel_names: { 0: "MR0" },
      labels: { background: 0, a: 1, b: 2 },
      numTraining: 1,
      file_ending: ".nii.gz",
      training: [{ image: "./imagesTr/Doe_Jane.nii.gz", label: "./labelsTr/Doe_Jane.nii.gz" }],
    };
    writeFileSync(path, model({ "nnunet.dataset": JSON.stringify(whole) }));
    const { stdout } = await nnunet("info", path);
    expect(stdout).toContain('reference: "somebody@hospital.example"');
    expect(stdout).toContain("Doe_Jane");
    expect(stdout).toContain(`description: "${"x".repeat(299)}… (1,002 characters)`);
    expect(stdout).toContain(
      "beyond what prediction needs: name, description, reference, numTraining, training of dataset.json; export the model again to leave that out",
    );
    const [described] = JSON.parse((await nnunet("info", path, "--json")).stdout);
    expect(JSON.parse(described.carried["nnunet.dataset"])).toEqual(whole);
  }));
