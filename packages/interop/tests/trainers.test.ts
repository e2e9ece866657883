import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { importModel } from "@nnunet/interop";
import { isMirroredByV1, v1TrainedNetwork } from "../src/model/trainers.ts";
import { changedCheckpoint, program, text, trainedBy } from "./hostile-files.ts";

/** What the trainers of nnU-Net build, found out by building it: tools/fixtures/interop/trainers.py. */
const table: {
  v2: Record<string, "plan" | "batch norm" | "other">;
  v1: Record<string, { network: "plan" | "batch norm" | "other"; mirrored?: boolean }>;
} = JSON.parse(readFileSync(new URL("./fixtures/trainers.json", import.meta.url), "utf8"));

const models = new URL("./fixtures/models/", import.meta.url).pathname;
const [plain, batchNorm] = ["plain-2d", "batch-norm-3d"].map((name) => join(models, name, "model"));
const options = { softwareVersion: "0" };
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "nnunet-trainers-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A copy of a model whose checkpoint another trainer left. */
async function copyBy(trainer: string, model = plain!, before = "nnUNetTrainer"): Promise<string> {
  const copy = join(folder, trainer);
  cpSync(model, copy, { recursive: true });
  const path = join(copy, "fold_0", "checkpoint_final.pth");
  writeFileSync(path, await trainedBy(readFileSync(path), trainer, before));
  return copy;
}

describe("a checkpoint of nnU-Net v2", () => {
  test.each(Object.entries(table.v2))("by %s, whose network is that of its %s", async (trainer, network) => {
    const imported = importModel(await copyBy(trainer), options);
    if (network === "plan") {
      const { metadata, warnings } = await imported;
      expect([metadata.origin.trainer, warnings]).toEqual([trainer, []]);
    } else if (network === "batch norm") {
      // its weights are those of instance norms
      await expect(imported).rejects.toThrow(/no such weight|is missing/);
    } else {
      await expect(imported).rejects.toThrow(
        `checkpoint_final.pth → trainer_name: the trainer ${trainer} builds another network, which is not read`,
      );
    }
  });

  test("with batch norms that its plans and its trainer do not have is refused by the first of their weights", async () => {
    const copy = await copyBy("nnUNetTrainer_10epochs", batchNorm, "nnUNetTrainerBN");
    await expect(importModel(copy, options)).rejects.toThrow(
      /running_mean: the network has no such weight; plans\.json and dataset\.json describe another network$/,
    );
  });

  test("has the epsilon of nnUNetTrainerBN, whatever the plan's norms have", async () => {
    const copy = join(folder, "epsilon");
    cpSync(batchNorm!, copy, { recursive: true });
    const plans = join(copy, "plans.json");
    const before = (await importModel(copy, options)).weights;
    writeFileSync(plans, readFileSync(plans, "utf8").replace(/"eps": 1e-05/g, '"eps": 0.1'));
    expect((await importModel(copy, options)).weights).toEqual(before);
  });

  test("by an unfamiliar trainer is refused by its name, whatever fits", async () => {
    await expect(importModel(await copyBy("nnUNetTrainerPReLU"), options)).rejects.toThrow(
      "the trainer nnUNetTrainerPReLU is none of nnU-Net's own, and whether its network has the activations and norms of its plans, no weight tells; if it changes the training alone, import it with `asPlanned`",
    );
  });

  test("by an unfamiliar trainer is read where its user says that it changes the training alone, and told of", async () => {
    const copy = await copyBy("nnUNetTrainerSkeletonRecall");
    const { warnings, weights } = await importModel(copy, { ...options, asPlanned: true });
    expect(warnings).toEqual([
      expect.stringMatching(/SkeletonRecall is none of nnU-Net's own.*it is taken to; compare/),
    ]);
    expect(weights).toEqual((await importModel(plain!, options)).weights);
  });

  test("by a trainer with another network is refused, whatever its user says", async () => {
    const copy = await copyBy("nnUNet_Primus_M_Trainer_mine");
    await expect(importModel(copy, { ...options, asPlanned: true })).rejects.toThrow("builds another network");
  });
});

describe("a trainer of nnU-Net v1", () => {
  test.each(Object.entries(table.v1))("%s is known for what it builds", (trainer, { network, mirrored }) => {
    const known = v1TrainedNetwork(trainer);
    if (network === "plan") expect([known, isMirroredByV1(trainer)]).toEqual(["plan", mirrored]);
    else expect(["other", "unknown"]).toContain(known);
  });

  test.each([
    ["nnUNetTrainerV2_ep4000_nomirror", "plan"],
    ["nnUNetTrainerV2_ep8000_nomirror", "plan"],
    ["nnUNetTrainerV2_mine", "unknown"],
    ["MyTrainer", "unknown"],
  ])("%s, of others: %s", (trainer, network) => expect(v1TrainedNetwork(trainer)).toBe(network));
});

describe("folds that were trained otherwise are not averaged:", () => {
  const twoFolds = join(models, "plain-3d-two-folds", "model");
  async function spoiled(name: string, change: (checkpoint: Uint8Array) => Promise<Buffer>): Promise<string> {
    const copy = join(folder, name);
    cpSync(twoFolds, copy, { recursive: true });
    const path = join(copy, "fold_1", "checkpoint_final.pth");
    writeFileSync(path, await change(readFileSync(path)));
    return copy;
  }
  /** A number of BINFLOAT in the plans of a checkpoint. */
  const float = (value: number) => {
    const bytes = Buffer.alloc(9);
    bytes.write("G");
    bytes.writeDoubleBE(value, 1);
    return bytes;
  };

  test("by another trainer", async () => {
    const copy = await spoiled("two-trainers", (bytes) => trainedBy(bytes, "nnUNetTrainerNoMirroring"));
    await expect(importModel(copy, options)).rejects.toThrow(
      /fold_1\/checkpoint_final\.pth → init_args: was trained by nnUNetTrainerNoMirroring, the fold before by nnUNetTrainer: their mean is no model; name one of them by `folds`$/,
    );
    expect((await importModel(copy, { ...options, folds: [1] })).metadata.folds).toEqual([1]);
  });

  test("by plans with another spacing", async () => {
    const copy = await spoiled("two-spacings", async (bytes) => {
      const spacing = text("spacing");
      const pickle = Buffer.from(bytes);
      const at = pickle.indexOf(float(1), pickle.indexOf(spacing));
      const before = pickle.subarray(pickle.indexOf(spacing), at + 9);
      return changedCheckpoint(bytes, before, program(before.subarray(0, -9), float(2)));
    });
    await expect(importModel(copy, options)).rejects.toThrow(
      /was trained with other spacing than the fold before: their/,
    );
  });

  test("with the labels in another order", async () => {
    const copy = await spoiled("two-labels", async (bytes) => {
      const swapped = await changedCheckpoint(bytes, text("shell"), text("other"));
      return changedCheckpoint(swapped, text("core"), text("shell"));
    });
    await expect(importModel(copy, options)).rejects.toThrow(
      /was trained with other labels than the fold before: their/,
    );
  });
});

test("plans.json and dataset.json that were changed since the training decide, as in nnU-Net, and that is said", async () => {
  const copy = join(folder, "edited");
  cpSync(plain!, copy, { recursive: true });
  const [plans, dataset] = [join(copy, "plans.json"), join(copy, "dataset.json")];
  const json = JSON.parse(readFileSync(plans, "utf8"));
  json.configurations["2d"].spacing = [2, 2];
  writeFileSync(plans, JSON.stringify(json));
  expect((await importModel(copy, options)).warnings).toEqual([
    expect.stringMatching(
      /was trained with other spacing than .*plans\.json has, by which it is read, as nnU-Net does$/,
    ),
  ]);
  cpSync(join(plain!, "plans.json"), plans);
  writeFileSync(dataset, readFileSync(dataset, "utf8").replace('"shell"', '"skin"'));
  expect((await importModel(copy, options)).warnings).toEqual([
    expect.stringMatching(/was trained with other labels than .*dataset\.json has/),
  ]);
});
