import { expect, test } from "@jest/globals";
import { modelFiles } from "@nnunet/pipeline";
import { withScratch } from "./tiny-dataset.ts";

test("a folder without model.onnx and trained folds has no model", () =>
  withScratch(async (folder) => {
    await expect(modelFiles(folder)).rejects.toThrow("no model.onnx and no trained fold in it");
  }));
