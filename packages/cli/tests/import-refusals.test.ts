import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, jest, test } from "@jest/globals";
import { zipChunks } from "@nnunet/interop";
import { deflatedZip, program, text, torchZip, trainedBy } from "../../interop/tests/hostile-files.ts";
import { nnunet, withScratch } from "./run-nnunet.ts";

// Other test files may use the cores at the same time.
jest.setTimeout(240_000);

const models = new URL("../../interop/tests/fixtures/models/", import.meta.url).pathname;
const two = join(models, "plain-3d-two-folds", "model");
const images = join(models, "plain-3d-two-folds", "images");
const checkpoint = join("fold_0", "checkpoint_final.pth");

/** What a user can have in his hands instead of a model: made in a folder, with the flags that he gives. */
const bad: Record<string, { make(at: string): void; flags?: string[]; says: RegExp }> = {
  "a truncated zip": {
    make: (at) => {
      const content = readFileSync(join(two, checkpoint));
      const whole = Buffer.concat([...zipChunks([{ name: checkpoint, content }])]);
      writeFileSync(`${at}.zip`, whole.subarray(0, whole.length / 2));
    },
    says: /model\.zip: is no whole zip archive: it has no directory at its end/,
  },
  "an encrypted zip": {
    make: (at) => writeFileSync(`${at}.zip`, deflatedZip("plans.json", Buffer.from("{}"), { flags: 1 })),
    says: /model\.zip → plans\.json: is encrypted, and only open archives are read/,
  },
  "a checkpoint of another plans.json": {
    make: (at) => {
      cpSync(two, at, { recursive: true });
      const plans = readFileSync(join(at, "plans.json"), "utf8");
      const json = JSON.parse(plans);
      json.configurations["3d_fullres"].architecture.arch_kwargs.features_per_stage[1] = 7;
      writeFileSync(join(at, "plans.json"), JSON.stringify(json));
    },
    says: /encoder\.stages\.1\.0\.convs\.0\.conv\.weight: expected shape \[7,4,3,3,3\], got \[6,4,3,3,3\]/,
  },
  "a missing fold": {
    make: (at) => cpSync(two, at, { recursive: true }),
    flags: ["-f", "0", "3"],
    says: /fold_3: is missing; this model has the folds 0, 1/,
  },
  "a missing dataset.json": {
    make: (at) => {
      cpSync(two, at, { recursive: true });
      rmSync(join(at, "dataset.json"));
    },
    says: /dataset\.json: is missing, and a model cannot be understood without it/,
  },
  "labels of another dataset": {
    make: (at) => withDataset(at, '"core": 2', '"core": 2, "third": 3'),
    says: /dataset\.json → labels: means 4 classes or regions, but .* was trained for 3/,
  },
  "channels of another dataset": {
    make: (at) => withDataset(at, '"0": "MRI"', '"0": "MRI", "1": "T2"'),
    says: /dataset\.json → channel_names: lists 2 channels, but plans\.json normalises 1/,
  },
  "a pickle that asks for os.system": {
    make: (at) => {
      cpSync(two, at, { recursive: true });
      const call = program(0x80, 2, "cos\nsystem\n", text(`touch ${at}-was-here`), 0x85, "R.");
      writeFileSync(join(at, checkpoint), torchZip(call));
    },
    says: /checkpoint_final\.pth: asks for os\.system, which is never called/,
  },
};

function withDataset(at: string, before: string, after: string): void {
  cpSync(two, at, { recursive: true });
  const file = join(at, "dataset.json");
  const json = JSON.stringify(JSON.parse(readFileSync(file, "utf8"))).replaceAll(":", ": ");
  if (!json.includes(before)) throw new Error(`the fixture has no ${before}`);
  writeFileSync(file, json.replace(before, after));
}

describe.each(Object.entries(bad))("%s", (_, { make, flags = [], says }) => {
  test.each(["import", "predict", "info"])("is refused by %s: one sentence, code 3, nothing left behind", (command) =>
    withScratch(async (folder, roots) => {
      if (command === "info" && flags.length > 0) return; // it asks for no folds
      const at = join(folder, "model");
      make(at);
      const before = readdirSync(folder, { recursive: true, encoding: "utf8" }).sort();
      const model = before.includes("model.zip") ? `${at}.zip` : at;
      const output = join(folder, "out");
      const words: Record<string, string[]> = {
        import: ["import", model, "-o", `${output}.onnx`, ...flags],
        predict: ["predict", "-m", model, "-i", images, "-o", output, ...flags, ...roots],
        info: ["info", model],
      };
      const { code, stdout, stderr } = await nnunet(...words[command]!);
      expect(stderr.trim()).toMatch(says);
      expect(stderr.trim()).not.toMatch(/\n|node:|\bat \w+ \(/);
      expect([code, stdout]).toEqual([3, ""]);
      expect(readdirSync(folder, { recursive: true, encoding: "utf8" }).sort()).toEqual(before);
    }),
  );
});

test("a model by an unfamiliar trainer is refused by import and predict, described by info, and imported --as-planned", () =>
  withScratch(async (folder, roots) => {
    const at = join(folder, "model");
    cpSync(join(models, "plain-2d", "model"), at, { recursive: true });
    const path = join(at, checkpoint);
    writeFileSync(path, await trainedBy(readFileSync(path), "nnUNetTrainerMine"));
    const output = join(folder, "model.onnx");
    mkdirSync(join(folder, "images"));
    for (const words of [
      ["import", at, "-o", output],
      ["predict", "-m", at, "-i", join(models, "plain-2d", "images"), "-o", join(folder, "out"), ...roots],
    ]) {
      const { code, stderr } = await nnunet(...words);
      expect(stderr).toMatch(
        /the trainer nnUNetTrainerMine is none of nnU-Net's own, .* import it with --as-planned\n$/,
      );
      expect(code).toBe(3);
    }
    const described = await nnunet("info", at);
    expect(described.code).toBe(0);
    expect(described.stdout).toContain("the trainer nnUNetTrainerMine is none of nnU-Net's own");
    const imported = await nnunet("import", at, "--as-planned", "-o", output);
    expect(imported.code).toBe(0);
    expect(imported.stderr).toContain("compare a segmentation with one of nnU-Net");
  }));
