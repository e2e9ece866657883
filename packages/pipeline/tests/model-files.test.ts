import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { modelFiles } from "@nnunet/pipeline";
import { withScratch } from "./tiny-dataset.ts";

test("a final predictor without its predictor.json says so, and not that nothing is trained", () =>
  withScratch(async (folder) => {
    for (const name of ["2d.onnx", "3d_fullres.onnx", "postprocessing.json", "inference_information.json"])
      await writeFile(join(folder, name), "{}");
    await expect(modelFiles(folder)).rejects.toThrow(
      `${join(folder, "predictor.json")}: missing; the folder holds other files of a final predictor (2d.onnx, 3d_fullres.onnx, inference_information.json, postprocessing.json), and this one says how they go together: copy the whole folder, or run \`findBest()\` again`,
    );
    await expect(modelFiles(folder, [0])).rejects.toThrow("predictor.json: missing");
  }));

test("of a folder above them the final predictor is named first", () =>
  withScratch(async (folder) => {
    await mkdir(join(folder, "nnUNetTrainer__nnUNetPlans__2d"));
    await mkdir(join(folder, "nnUNetPredictor__nnUNetPlans"));
    await expect(modelFiles(folder)).rejects.toThrow(
      `models lie deeper: name the final predictor ${join(folder, "nnUNetPredictor__nnUNetPlans")}, or one of its 1 model folder: ${join(folder, "nnUNetTrainer__nnUNetPlans__2d")}`,
    );
  }));

test("a folder without model.onnx and trained folds has no model", () =>
  withScratch(async (folder) => {
    await expect(modelFiles(folder)).rejects.toThrow("no model.onnx and no trained fold in it");
  }));
