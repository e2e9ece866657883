import { join } from "node:path";
import { expect, jest, test } from "@jest/globals";
import { readImage } from "@nnunet/io";
import { createPipeline, loadPredictor } from "@nnunet/pipeline";
import { withScratch } from "./tiny-dataset.ts";

// Other test files may use the cores at the same time.
jest.setTimeout(240_000);

/** A model in nnU-Net v1's layout, an image, and what v1 predicts: tools/fixtures/interop/v1_model.py and v1_prediction.py. */
const v1 = new URL("../../interop/tests/fixtures/v1/", import.meta.url).pathname;

test("a model of nnU-Net v1 decides every voxel as v1 does: its preprocessing, its windows, its way back to the image", () =>
  withScratch(async (output) => {
    const predictor = await loadPredictor(join(v1, "model"));
    try {
      await createPipeline().predict(predictor, join(v1, "images"), output);
    } finally {
      await predictor.dispose();
    }
    const [ours, theirs] = await Promise.all(
      [join(output, "case.nii.gz"), join(v1, "segmentation.nii.gz")].map((path) => readImage(path)),
    );
    expect(new Set(theirs!.data).size).toBeGreaterThan(1);
    expect(ours!.shape).toEqual(theirs!.shape);
    expect([...ours!.data].filter((label, i) => label !== theirs!.data[i])).toEqual([]);
    for (const key of ["spacing", "origin", "direction"] as const) {
      expect(ours!.geometry[key]).toEqual(theirs!.geometry[key]);
    }
  }));
