import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { inspectModel, loadModel } from "@nnunet/inference";
import {
  importedFolds,
  importedOnnx,
  importModel,
  TensorToWrite,
  torchFileChunks,
  type ZipEntry,
  zipChunks,
} from "@nnunet/interop";
import { changedCheckpoint, deflatedZip, program, text, torchZip } from "./hostile-files.ts";

const models = new URL("./fixtures/models/", import.meta.url).pathname;
const plain = join(models, "plain-3d-two-folds", "model");
const options = { softwareVersion: "0" };
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "nnunet-import-test-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A copy of the plain model that a test may spoil. */
function copyOf(model: string, name: string): string {
  const copy = join(folder, name);
  cpSync(model, copy, { recursive: true });
  return copy;
}

// biome-ignore lint/suspicious/noExplicitAny: JSON that the tests damage on purpose
function changeJson(path: string, change: (json: any) => void): void {
  const json = JSON.parse(readFileSync(path, "utf8"));
  change(json);
  writeFileSync(path, JSON.stringify(json));
}

describe("a model folder of nnU-Net v2", () => {
  test("becomes one network of all folds, with plans, labels, mirror axes and a record of where it comes from", async () => {
    const imported = await importModel(plain, options);
    const { metadata } = await inspectModel(importedOnnx(imported), "model.onnx");
    expect(metadata).toMatchObject({
      configuration: "3d_fullres",
      folds: [0, 1],
      mirrorAxes: [0, 1, 2],
      dataset: { channelNames: ["MRI"], labels: { background: 0, shell: 1, core: 2 }, fileEnding: ".nii.gz" },
      origin: { tool: "nnU-Net v2", trainer: "nnUNetTrainer" },
    });
    expect(metadata.origin!.files.map(({ name }) => name)).toEqual([
      "fold_0/checkpoint_final.pth",
      "fold_1/checkpoint_final.pth",
    ]);
    expect(imported.warnings).toEqual([]);
  });

  test("gives one network per fold, each of which says its own fold", async () => {
    const found = [];
    for (const bytes of importedFolds(await importModel(plain, options))) {
      found.push((await inspectModel(bytes, "model.onnx")).metadata);
    }
    expect(found.map(({ folds, origin }) => [folds, origin!.files.length])).toEqual([
      [[0], 1],
      [[1], 1],
    ]);
    expect(found[0]!.weightsSha256).not.toBe(found[1]!.weightsSha256);
  });

  test("is found in the folder of its dataset, of its results, and by its configuration beside another", async () => {
    const results = join(folder, "results");
    for (const configuration of ["3d_fullres", "2d"]) {
      const model = join(results, "Dataset901_Plain", `nnUNetTrainer__nnUNetPlans__${configuration}`);
      cpSync(configuration === "2d" ? join(models, "plain-2d", "model") : plain, model, { recursive: true });
    }
    await expect(importModel(results, options)).rejects.toThrow(
      /holds 2 models; name the folder of one, or its configuration: Dataset901_Plain\/nnUNetTrainer__nnUNetPlans__2d, Dataset901_Plain\/nnUNetTrainer__nnUNetPlans__3d_fullres$/,
    );
    const named = await importModel(results, { ...options, configuration: "2d" });
    expect(named.metadata.configuration).toBe("2d");
  });

  test("gives the same from the zip of nnUNetv2_export_model_to_zip, deflated or not", async () => {
    const files = readdirSync(plain, { recursive: true, encoding: "utf8" }).filter((name) => /\.\w+$/.test(name));
    const prefix = "Dataset901_Plain/nnUNetTrainer__nnUNetPlans__3d_fullres";
    const entries: ZipEntry[] = files.map((name) => {
      return { name: `${prefix}/${name}`, content: readFileSync(join(plain, name)) };
    });
    const path = join(folder, "model.zip");
    writeFileSync(path, Buffer.concat([...zipChunks(entries)]));
    const [fromZip, fromFolder] = [await importModel(path, options), await importModel(plain, options)];
    expect(importedOnnx(fromZip)).toEqual(importedOnnx(fromFolder));
  });

  test("a single checkpoint is read by the plans beside it, and elsewhere by those that it carries", async () => {
    const checkpoint = join(plain, "fold_1", "checkpoint_final.pth");
    const there = await importModel(checkpoint, options);
    const alone = join(folder, "alone.pth");
    cpSync(checkpoint, alone);
    const elsewhere = await importModel(alone, options);
    expect([there.metadata.folds, elsewhere.metadata.folds]).toEqual([[1], [1]]);
    expect(elsewhere.weights).toEqual(there.weights);
    expect(elsewhere.metadata.plans.configurations).toEqual(there.metadata.plans.configurations);
  });
});

test.each(readdirSync(models))("the network of %s loads and runs", async (name) => {
  const imported = await importModel(join(models, name, "model"), options);
  const model = await loadModel(importedOnnx(imported));
  const { channels, spatial } = imported.graph.input;
  const { shape } = await model.run(new Float32Array(channels * spatial.reduce((a, b) => a * b, 1)), [
    1,
    channels,
    ...spatial,
  ]);
  expect(shape).toEqual([1, imported.graph.outputs[0]!.channels, ...spatial]);
  await model.dispose();
});

describe("what does not fit together is refused by one sentence", () => {
  const refused = async (path: string, message: string | RegExp, more = {}) => {
    await expect(importModel(path, { ...options, ...more })).rejects.toThrow(message);
  };

  test("a folder without a model, a missing fold, a missing checkpoint", async () => {
    const empty = join(folder, "empty");
    mkdirSync(empty);
    await refused(empty, "holds no trained model of nnU-Net: expected fold_0/checkpoint_final.pth and the like");
    await refused(plain, "fold_3: is missing; this model has the folds 0, 1", { folds: [0, 3] });
    await refused(plain, "fold_0/checkpoint_best.pth: is missing; it has checkpoint_final.pth", {
      checkpoint: "checkpoint_best.pth",
    });
    await refused(plain, "fold: expected every fold once, got [0, 0]", { folds: [0, 0] });
  });

  test.each(["plans.json", "dataset.json"])("a missing %s", async (name) => {
    const copy = copyOf(plain, `without-${name}`);
    rmSync(join(copy, name));
    await refused(
      copy,
      `${name}: is missing, and a model cannot be understood without it; copy it from where the model was trained, or import fold_0/checkpoint_final.pth alone`,
    );
  });

  test("plans of another network: the tensor and both shapes are named", async () => {
    const copy = copyOf(plain, "other-plans");
    changeJson(join(copy, "plans.json"), (json) => {
      json.configurations["3d_fullres"].architecture.arch_kwargs.features_per_stage[1] = 7;
    });
    await refused(
      copy,
      /fold_0\/checkpoint_final\.pth → encoder\.stages\.1\.0\.convs\.0\.conv\.weight: expected shape \[7,4,3,3,3\], got \[6,4,3,3,3\]; plans\.json and dataset\.json describe another network$/,
    );
  });

  test("a dataset.json with other labels, or other channels", async () => {
    const labels = copyOf(plain, "other-labels");
    changeJson(join(labels, "dataset.json"), (json) => (json.labels.third = 3));
    await refused(
      labels,
      /dataset\.json → labels: means 4 classes or regions, but .*checkpoint_final\.pth was trained for 3 \(decoder\.seg_layers\.\d\.weight has shape \[3, \d, 1, 1, 1\]\); they belong to different datasets$/,
    );
    const channels = copyOf(plain, "other-channels");
    changeJson(join(channels, "dataset.json"), (json) => (json.channel_names["1"] = "T2"));
    await refused(
      channels,
      /dataset\.json → channel_names: lists 2 channels, but plans\.json normalises 1; they belong to different datasets$/,
    );
  });

  test("a network of another class, by its name", async () => {
    const copy = copyOf(plain, "primus");
    changeJson(join(copy, "plans.json"), (json) => {
      json.configurations["3d_fullres"].architecture.network_class_name =
        "dynamic_network_architectures.architectures.primus.Primus";
    });
    await refused(
      copy,
      /network_class_name: expected the class PlainConvUNet or ResidualEncoderUNet \(no other network is built\), got "dynamic_network_architectures\.architectures\.primus\.Primus"$/,
    );
  });

  test("plans without the checkpoint's configuration", async () => {
    const copy = copyOf(plain, "other-configuration");
    changeJson(join(copy, "plans.json"), (json) => {
      json.configurations = { "3d_lowres": json.configurations["3d_fullres"] };
    });
    await refused(
      copy,
      "plans.json → configurations: has no 3d_fullres, as which the checkpoint was trained, only 3d_lowres; it is of another model",
    );
  });

  test("a truncated archive, an encrypted one, one whose names lead elsewhere", async () => {
    const whole = Buffer.concat([
      ...zipChunks([
        { name: "fold_0/checkpoint_final.pth", content: readFileSync(join(plain, "fold_0", "checkpoint_final.pth")) },
      ]),
    ]);
    const cut = join(folder, "cut.zip");
    writeFileSync(cut, whole.subarray(0, whole.length / 2));
    await refused(cut, "cut.zip: is no whole zip archive: it has no directory at its end");
    const secret = join(folder, "secret.zip");
    writeFileSync(secret, deflatedZip("plans.json", Buffer.from("{}"), { flags: 1 }));
    await refused(secret, "secret.zip → plans.json: is encrypted, and only open archives are read");
    const slip = join(folder, "slip.zip");
    writeFileSync(slip, Buffer.concat([...zipChunks([{ name: "../../etc/plans.json", content: Buffer.from("{}") }])]));
    await refused(slip, "slip.zip → ../../etc/plans.json: is a name that leads out of the archive's folder");
  });

  test("a truncated checkpoint", async () => {
    const copy = copyOf(plain, "cut-checkpoint");
    const path = join(copy, "fold_1", "checkpoint_final.pth");
    writeFileSync(path, readFileSync(path).subarray(0, 5000));
    await refused(copy, /fold_1\/checkpoint_final\.pth: is no whole zip archive/);
  });

  test("a checkpoint that is a call of os.system: nothing happens, and it is named", async () => {
    const path = join(folder, "evil.pth");
    const marker = join(folder, "was-here");
    writeFileSync(path, torchZip(program(0x80, 2, "cos\nsystem\n", text(`touch ${marker}`), 0x85, "R.")));
    await refused(
      path,
      `evil.pth: asks for os.system, which is never called; a checkpoint of nnU-Net is a table with network_weights`,
    );
    expect(readdirSync(folder)).not.toContain("was-here");
  });

  test("a weight that would be made by a call", async () => {
    const path = join(folder, "evil-weight.pth");
    const call = program("cos\nsystem\n", text("x"), 0x85, "R");
    writeFileSync(path, torchZip(program(0x80, 2, "}", text("network_weights"), "}", text("a.weight"), call, "ss.")));
    await refused(
      path,
      "evil-weight.pth → network_weights.a.weight: is what os.system would make, which is never called, no tensor that is read",
    );
  });

  test("a checkpoint of something else", async () => {
    const path = join(folder, "else.pth");
    writeFileSync(path, Buffer.concat([...torchFileChunks({ model: new TensorToWrite(Float32Array.of(1), [1]) })]));
    await refused(path, "else.pth → network_weights: is missing; this is no checkpoint of nnU-Net");
  });
});

test("a checkpoint that asks for a program beside its weights is read, and told of", async () => {
  const copy = copyOf(plain, "told");
  const path = join(copy, "fold_0", "checkpoint_final.pth");
  // the device of the training becomes a call
  writeFileSync(path, await changedCheckpoint(readFileSync(path), "ctorch\ndevice\n", "cposix\nsystem\n"));
  const { warnings } = await importModel(copy, options);
  expect(warnings.map((warning) => warning.slice(warning.indexOf(basename(path))))).toEqual([
    "checkpoint_final.pth asks for posix.system, as no checkpoint of nnU-Net does; nothing of it was called, but ask where the file comes from",
  ]);
});
