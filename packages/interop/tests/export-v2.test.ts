import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import {
  importedOnnx,
  importModel,
  memoryAccess,
  openTorchFile,
  type PickleDict,
  type PickleTuple,
  type TorchTensor,
  v2CheckpointChunks,
} from "@nnunet/interop";

const models = new URL("./fixtures/models/", import.meta.url).pathname;
const options = { softwareVersion: "0" };
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "nnunet-export-test-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A model as v2 left it, through our network, back into a checkpoint of v2. */
async function roundTrip(name: string) {
  const model = await importModel(join(models, name, "model"), { ...options, folds: [0] });
  const { graph, weights, metadata } = model;
  const { plans, dataset, configuration, mirrorAxes } = metadata;
  const fold = { graph, weights: weights[0]!, plans, dataset, configuration, fold: 0, mirrorAxes, epochs: 4 };
  return { model, chunks: () => v2CheckpointChunks(fold) };
}

test.each(["plain-3d-two-folds", "residual-3d", "plain-2d", "regions-3d"])(
  "a checkpoint written for v2 has exactly the weights and names of the one that v2 wrote: %s",
  async (name) => {
    const { chunks, model } = await roundTrip(name);
    const path = join(folder, `${name}.pth`);
    const bytes = Buffer.concat([...chunks()]);
    writeFileSync(path, bytes);
    const names = async (file: string | Buffer) => {
      const source =
        typeof file === "string"
          ? memoryAccess((await import("node:fs")).readFileSync(file), file)
          : memoryAccess(file, "x");
      const value = (await openTorchFile(source)).value as PickleDict;
      const weights = value.get("network_weights") as PickleDict;
      const axes = value.get("inference_allowed_mirroring_axes") as PickleTuple;
      return [
        axes.items,
        Object.fromEntries([...weights.entries].map(([key, tensor]) => [key, (tensor as TorchTensor).shape])),
      ];
    };
    expect(await names(bytes)).toEqual(await names(join(models, name, "model", "fold_0", "checkpoint_final.pth")));
    const again = await importModel(path, options);
    expect(again.weights).toEqual(model.weights);
    expect(again.metadata.mirrorAxes).toEqual(model.metadata.mirrorAxes);
    expect(again.metadata.plans.configurations).toEqual(model.metadata.plans.configurations);
    expect(importedOnnx(again).length).toBeGreaterThan(0);
  },
);

test("a network that v2 cannot run as it was trained is refused", async () => {
  const { model } = await roundTrip("plain-2d");
  const { plans, configuration, dataset, mirrorAxes } = model.metadata;
  const paper = {
    ...plans.configurations[configuration]!,
    averaging: "probabilities" as const,
    normalizeBeforeResampling: false,
  };
  const fold = {
    graph: model.graph,
    weights: model.weights[0]!,
    plans: { ...plans, configurations: { [configuration]: paper } },
    configuration,
    dataset,
    fold: 0,
    mirrorAxes,
    epochs: 1,
  };
  expect(() => v2CheckpointChunks(fold)).toThrow(
    "a model for nnU-Net v2 of a configuration that nnU-Net v2 would run otherwise (it resamples before it normalises, it averages probabilities) is not supported; plan by the rules v2 (or resenc-m, -l, -xl) with `plan()` and train that",
  );
});

test("torch itself reads a checkpoint that was written for v2, also without running pickles", async () => {
  const python = process.env["NNUNET_TEST_PYTHON"] ?? "python3";
  if (spawnSync(python, ["-c", "import torch"]).status !== 0) {
    process.stdout.write(`skipped: ${python} has no torch; name one that has by NNUNET_TEST_PYTHON\n`);
    return;
  }
  const { chunks } = await roundTrip("residual-3d");
  const path = join(folder, "for-torch.pth");
  writeFileSync(path, Buffer.concat([...chunks()]));
  const program = `
import torch
c = torch.load(${JSON.stringify(path)}, weights_only=True)
w = c["network_weights"]
a, b = w["encoder.stem.convs.0.conv.weight"], w["decoder.encoder.stem.convs.0.all_modules.0.weight"]
print(len(w), a.data_ptr() == b.data_ptr(), c["init_args"]["configuration"], c["inference_allowed_mirroring_axes"])`;
  const { stdout, stderr } = spawnSync(python, ["-c", program], { encoding: "utf8" });
  expect(stdout.trim() || stderr).toMatch(/^\d+ True 3d_fullres \(0, 1, 2\)$/);
});
