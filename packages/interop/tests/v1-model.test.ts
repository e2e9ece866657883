import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { loadModel } from "@nnunet/inference";
import { importedOnnx, importModel, TensorToWrite, torchFileChunks } from "@nnunet/interop";

const fixture = new URL("./fixtures/v1/", import.meta.url);
const model = new URL("model", fixture).pathname;
const options = { softwareVersion: "0" };
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "nnunet-v1-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("a model folder of nnU-Net v1 becomes a network that gives v1's logits", async () => {
  const imported = await importModel(model, options);
  const { shape, input, logits } = JSON.parse(readFileSync(new URL("patch.json", fixture), "utf8"));
  const loaded = await loadModel(importedOnnx(imported));
  const { data } = await loaded.run(Float32Array.from(input), shape);
  await loaded.dispose();
  const worst = logits.reduce(
    (most: number, value: number, i: number) => Math.max(most, Math.abs(value - data[i]!)),
    0,
  );
  expect(worst).toBeLessThan(1e-4);
});

test("what v1 does otherwise than v2 stands in the plans of the imported model", async () => {
  const { metadata } = await importModel(model, options);
  const { plans, dataset, configuration, mirrorAxes, origin, folds } = metadata;
  const c = plans.configurations[configuration]!;
  expect([configuration, folds, mirrorAxes]).toEqual(["3d_fullres", [0], []]); // its trainer is a nomirror one
  expect([c.normalizeBeforeResampling, c.averaging]).toEqual([false, "probabilities"]);
  expect(c.normalizationSchemes).toEqual(["CT", "ZScore"]);
  expect(c.useMaskForNorm).toEqual([false, true]);
  expect(c.spacing).toEqual([3, 1, 1]);
  expect(c.architecture.decoderKernelSizes).toEqual([
    [3, 3, 3],
    [3, 3, 3],
  ]);
  expect(plans.foregroundIntensityPerChannel[0]).toEqual({
    mean: 4.5,
    median: 5,
    std: 2,
    min: -3,
    max: 9,
    percentile005: -2,
    percentile995: 8,
  });
  expect(dataset.channelNames).toEqual(["CT", "PET"]);
  expect(dataset.labels).toEqual({ background: 0, "label 1": 1, "label 2": 2 });
  expect(origin).toMatchObject({
    tool: "nnU-Net v1",
    trainer: "nnUNetTrainerV2_ep4000_nomirror",
    files: [{ name: "fold_0/model_final_checkpoint.model", epochs: 1000 }],
  });
});

test("a dataset.json beside it names the labels", async () => {
  const copy = join(folder, "named");
  cpSync(model, copy, { recursive: true });
  const labels = { background: 0, liver: 1, tumour: 2 };
  const json = { channel_names: { 0: "CT", 1: "PET" }, labels, file_ending: ".nii.gz" };
  writeFileSync(join(copy, "dataset.json"), JSON.stringify(json));
  expect((await importModel(copy, options)).metadata.dataset.labels).toEqual(labels);
});

test("a trainer of v1 with another network is refused by name", async () => {
  const copy = join(folder, "relu");
  cpSync(model, copy, { recursive: true });
  const pkl = join(copy, "fold_0", "model_final_checkpoint.model.pkl");
  const [before, after] = ["nnUNetTrainerV2_ep4000_nomirror", "nnUNetTrainerV2_ReLU_biasInSegO"];
  writeFileSync(pkl, Buffer.from(readFileSync(pkl).toString("latin1").replaceAll(before, after), "latin1"));
  await expect(importModel(copy, options)).rejects.toThrow(
    /→ name: the trainer nnUNetTrainerV2_ReLU_biasInSegO builds another network, which is not read$/,
  );
});

test("a checkpoint of v1 without its description is refused", async () => {
  const copy = join(folder, "bare");
  cpSync(model, copy, { recursive: true });
  rmSync(join(copy, "fold_0", "model_final_checkpoint.model.pkl"));
  await expect(importModel(copy, options)).rejects.toThrow(
    /model_final_checkpoint\.model\.pkl: is missing, and a model of nnU-Net v1 cannot be understood without it$/,
  );
});

test("a checkpoint of another v1 network is refused by the name of the first weight that does not fit", async () => {
  const copy = join(folder, "other");
  cpSync(model, copy, { recursive: true });
  const weight = new TensorToWrite(new Float32Array(9), [9]);
  const bytes = Buffer.concat([
    ...torchFileChunks({ state_dict: { "conv_blocks_context.0.blocks.0.conv.bias": weight } }),
  ]);
  writeFileSync(join(copy, "fold_0", "model_final_checkpoint.model"), bytes);
  await expect(importModel(copy, options)).rejects.toThrow(
    /→ encoder\.stages\.0\.0\.convs\.0\.conv\.weight: this weight is missing; its plans, or its trainer, describe another network$/,
  );
});
