import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { readImage } from "@nnunet/io";
import { createPipeline, importForeign, loadPredictor } from "@nnunet/pipeline";

// Other test files may use the cores at the same time.
jest.setTimeout(240_000);

const models = new URL("../../interop/tests/fixtures/models/", import.meta.url).pathname;
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "nnunet-foreign-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Voxels that differ from nnU-Net's own segmentation, and how far apart its two best classes were there. */
async function differences(name: string, predicted: string) {
  const [ours, theirs] = await Promise.all(
    [predicted, join(models, name, "segmentation.nii.gz")].map(async (path) => readImage(path)),
  );
  expect(ours!.shape).toEqual(theirs!.shape);
  for (const key of ["spacing", "origin", "direction"] as const) {
    expect(ours!.geometry[key]).toEqual(theirs!.geometry[key]);
  }
  const close: Record<string, number> = JSON.parse(readFileSync(join(models, name, "close.json"), "utf8"));
  const all = [...ours!.data].flatMap((label, i) => (label === theirs!.data[i] ? [] : [close[i] ?? 1]));
  return { voxels: ours!.data.length, all };
}

async function predict(model: string, name: string, output: string) {
  const predictor = await loadPredictor(model);
  try {
    await createPipeline().predict(predictor, join(models, name, "images"), output);
  } finally {
    await predictor.dispose();
  }
  return differences(name, join(output, "test.nii.gz"));
}

test.each(readdirSync(models))(
  "%s as nnU-Net left it: every voxel is the one that nnUNetv2_predict gives",
  async (name) => {
    const { voxels, all } = await predict(join(models, name, "model"), name, join(folder, name));
    const ties = all.filter((margin) => margin < 1e-4).length;
    process.stdout.write(`${name}: ${voxels} voxels, ${ties} ties closer than 1e-4 decided otherwise\n`);
    expect(all.filter((margin) => margin >= 1e-4)).toEqual([]);
  },
);

test("an imported file, and an imported folder, give the same voxels", async () => {
  const name = "plain-3d-two-folds";
  const file = join(folder, "all.onnx");
  const models_ = join(folder, "imported");
  const { metadata } = await importForeign(join(models, name, "model"), file);
  expect((await importForeign(join(models, name, "model"), models_)).written).toEqual([
    join(models_, "fold_0", "model.onnx"),
    join(models_, "fold_1", "model.onnx"),
  ]);
  expect(metadata.origin?.tool).toBe("nnU-Net v2");
  expect(readdirSync(models_).sort()).toEqual(["dataset.json", "fold_0", "fold_1", "origin.json", "plans.json"]);
  expect((await predict(file, name, join(folder, "from-file"))).all).toEqual([]);
  expect((await predict(models_, name, join(folder, "from-folder"))).all).toEqual([]);
});

test("nothing that exists is replaced, and a model that is refused leaves nothing", async () => {
  const source = join(models, "plain-2d", "model");
  const file = join(folder, "once.onnx");
  await importForeign(source, file);
  await expect(importForeign(source, file)).rejects.toThrow("once.onnx: exists already; replace it by `overwrite`");
  await importForeign(source, file, { overwrite: true });
  const inTheWay = join(folder, "in-the-way");
  await importForeign(source, inTheWay);
  await expect(importForeign(source, inTheWay)).rejects.toThrow(
    "in-the-way: exists already; choose a folder that is not",
  );
  await expect(importForeign(source, join(folder, "none.onnx"), { folds: [0, 7] })).rejects.toThrow(
    "fold_7: is missing",
  );
  expect(readdirSync(folder)).not.toContain("none.onnx");
});

test("folds whose validation cases overlap are of two divisions, and are not averaged", async () => {
  const copy = join(folder, "two-divisions");
  cpSync(join(models, "plain-3d-two-folds", "model"), copy, { recursive: true });
  const validated = (fold: number, ids: readonly string[]) => {
    const counts = { FN: 0, FP: 0, TN: 8, TP: 0, n_pred: 0, n_ref: 0 };
    const metrics = { "1": { Dice: Number.NaN, IoU: Number.NaN, ...counts } };
    const cases = ids.map((id) => ({ reference_file: `${id}.nii.gz`, prediction_file: `${id}.nii.gz`, metrics }));
    const summary = { foreground_mean: metrics["1"], mean: metrics, metric_per_case: cases };
    mkdirSync(join(copy, `fold_${fold}`, "validation"), { recursive: true });
    // as Python writes it, with a bare NaN
    const text = JSON.stringify(summary).replaceAll("null", "NaN");
    writeFileSync(join(copy, `fold_${fold}`, "validation", "summary.json"), text);
  };
  validated(0, ["a", "b"]);
  validated(1, ["c"]);
  await importForeign(copy, join(folder, "one-division.onnx"));
  validated(1, ["b", "c"]);
  const problem = /fold_1: fold 1 was trained by another division of the cases than fold 0/;
  await expect(importForeign(copy, join(folder, "two-divisions.onnx"))).rejects.toThrow(problem);
  await expect(loadPredictor(copy)).rejects.toThrow(problem);
  await (await loadPredictor(copy, { folds: [1] })).dispose();
});
