import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { datasetToJson } from "@nnunet/core";
import { readJson, writeJsonAtomic } from "@nnunet/core/node";
import { madeJson, writeMadeDataset } from "./made-dataset.ts";
import { nnunet, withScratch } from "./run-nnunet.ts";

const commands = [
  "convert",
  "verify",
  "fingerprint",
  "plan",
  "preprocess",
  "train",
  "predict",
  "evaluate",
  "export",
  "run",
  "demo",
  "info",
];

test.each(commands)("%s --help has an example and --json", async (command) => {
  const { code, stdout } = await nnunet(command, "--help");
  expect(code).toBe(0);
  expect(stdout).toContain(`Usage: nnunet ${command}`);
  expect(stdout).toMatch(new RegExp(`Example:\n {2}\\$ nnunet ${command}`));
  expect(stdout).toContain("--json");
});

test("nnunet --help documents the commands, the folders and the exit codes", async () => {
  const { code, stdout } = await nnunet("--help");
  expect(code).toBe(0);
  for (const part of [...commands, "nnUNet_raw", "130  stopped by Ctrl-C"]) expect(stdout).toContain(part);
});

describe("a wrong command line ends with 2 and says so", () => {
  test.each([
    [["trian", "4"], "error: unknown command 'trian'\n(Did you mean train?)"],
    [["train", "4", "3d_fullres"], "error: missing required argument 'fold'"],
    [
      ["train", "4", "3d_fullres", "x"],
      `command-argument value 'x' is invalid for argument 'fold'. Expected 0, 1, 2, … or "all".`,
    ],
    [
      ["train", "4", "3d_fullres", "0", "--epochs", "0"],
      "option '--epochs <n>' argument '0' is invalid. Expected a positive integer.",
    ],
    [
      ["train", "4", "3d_fullres", "0", "--continue", "--overwrite"],
      "--continue: expected one of --continue and --overwrite",
    ],
    [["plan"], "plan: expected a dataset, or all three of --fingerprint, --dataset-json and --output"],
    [["predict", "-i", "a", "-o", "b"], "--model: expected -m MODEL, or -d DATASET with -c CONFIG"],
    [["predict", "-i", "a", "-o", "b", "-m", "c", "--step-size", "2"], "Expected a number in (0, 1]."],
  ])("%j", async (args, message) => {
    const { code, stderr } = await nnunet(...args);
    expect(stderr).toContain(message);
    expect(code).toBe(2);
  });
});

test("a dataset that is not there: the known ones are listed, exit code 3", () =>
  withScratch(async (scratch, roots) => {
    await writeMadeDataset(join(scratch, "raw"));
    const { code, stderr } = await nnunet("fingerprint", "4", ...roots);
    expect(stderr).toBe(
      `nnunet: ${join(scratch, "raw")}: there is no dataset 4 (found Dataset008_Made); convert it first, or give its folder\n`,
    );
    expect(code).toBe(3);
  }));

test("--json: one document on stdout, one event per line on stderr; an error is a document too", () =>
  withScratch(async (scratch, roots) => {
    await writeMadeDataset(join(scratch, "raw"));
    const { code, stdout, stderr } = await nnunet("fingerprint", "8", "--json", ...roots);
    expect(code).toBe(0);
    expect(JSON.parse(stdout).spacings).toHaveLength(5);
    const events = stderr
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(events.filter((event) => event.type === "progress")).toHaveLength(5);
    expect(events.at(-1)).toMatchObject({ type: "stage-end", stage: "fingerprint" });

    const failed = await nnunet("fingerprint", "5", "--json", ...roots);
    expect(JSON.parse(failed.stdout).error).toMatchObject({ code: "FILE", exitCode: 3 });
    expect(failed.code).toBe(3);
  }));

test("the environment's folders are used, and flags win over them", () =>
  withScratch(async (scratch) => {
    await writeMadeDataset(join(scratch, "elsewhere"));
    const held = process.env["nnUNet_raw"];
    process.env["nnUNet_raw"] = join(scratch, "elsewhere");
    try {
      expect((await nnunet("verify", "8")).code).toBe(0);
      expect((await nnunet("verify", "8", "--raw", join(scratch, "nowhere"))).code).toBe(3);
    } finally {
      if (held === undefined) delete process.env["nnUNet_raw"];
      else process.env["nnUNet_raw"] = held;
    }
  }));

describe("from fingerprint to plan", () => {
  test("the planner alone gives the plan of the dataset; explain and compare say why", () =>
    withScratch(async (scratch, roots) => {
      await writeMadeDataset(join(scratch, "raw"));
      expect((await nnunet("fingerprint", "8", ...roots)).code).toBe(0);
      const planned = await nnunet("plan", "8", "--explain", ...roots);
      expect(planned.code).toBe(0);
      expect(planned.stdout).toContain("3d_fullres");
      const preprocessed = join(scratch, "preprocessed", "Dataset008_Made");
      const dataset = join(scratch, "dataset.json");
      await writeJsonAtomic(dataset, datasetToJson(madeJson));
      const output = join(scratch, "plans.json");
      const fingerprint = join(preprocessed, "dataset_fingerprint.json");
      const alone = await nnunet("plan", "--fingerprint", fingerprint, "--dataset-json", dataset, "--output", output);
      expect(alone.code).toBe(0);
      const [mine, whole] = (await Promise.all([
        readJson(output),
        readJson(join(preprocessed, "nnUNetPaperPlans.json")),
      ])) as { configurations: unknown }[];
      expect(mine!.configurations).toEqual(whole!.configurations);

      const v2 = join(scratch, "v2.json");
      await nnunet("plan", "--fingerprint", fingerprint, "--dataset-json", dataset, "--output", v2, "--planner", "v2");
      const compared = await nnunet("plan", "--compare", output, v2);
      expect(compared.code).toBe(0);
      expect(compared.stdout.length).toBeGreaterThan(20);

      const unknown = await nnunet("plan", "8", "--planner", "v3", ...roots);
      expect(unknown.stderr).toContain("v3");
      expect(unknown.code).toBe(2);
    }));
});

test("info says what a file is, and that a foreign file is none of ours", () =>
  withScratch(async (scratch, roots) => {
    const dataset = await writeMadeDataset(join(scratch, "raw"));
    await nnunet("fingerprint", "8", ...roots);
    await nnunet("plan", "8", ...roots);
    const preprocessed = join(scratch, "preprocessed", "Dataset008_Made");
    const { code, stdout } = await nnunet(
      "info",
      dataset,
      join(dataset, "dataset.json"),
      join(dataset, "imagesTr", "made_0_0000.nii.gz"),
      join(preprocessed, "dataset_fingerprint.json"),
      join(preprocessed, "nnUNetPaperPlans.json"),
      preprocessed,
    );
    expect(code).toBe(0);
    for (const words of [
      "raw dataset 8, 5 training cases, 0 test cases",
      "the description of a dataset",
      "a NIfTI-1 image",
      "8 × 12 × 12 voxels [z, y, x] of float32",
      "the fingerprint of a dataset",
      "the plan for",
      "a preprocessed dataset",
    ]) {
      expect(stdout).toContain(words);
    }
    const foreign = await nnunet("info", "package.json");
    expect(foreign.stderr).toContain("JSON, but neither plans, fingerprint, dataset.json, summary nor splits");
    expect(foreign.code).toBe(3);
  }));

test("evaluate: a perfect prediction scores 1; a missing one is named", () =>
  withScratch(async (scratch) => {
    const dataset = await writeMadeDataset(join(scratch, "raw"));
    const labels = join(dataset, "labelsTr");
    const output = join(scratch, "summary.json");
    const { code, stdout } = await nnunet("evaluate", labels, labels, "--output", output);
    expect(code).toBe(0);
    expect(stdout).toContain("1 bright");
    expect(((await readJson(output)) as { foreground_mean: { Dice: number } }).foreground_mean.Dice).toBe(1);
    const { rm, cp } = await import("node:fs/promises");
    await cp(labels, join(scratch, "predicted"), { recursive: true });
    await rm(join(scratch, "predicted", "made_3.nii.gz"));
    const missing = await nnunet("evaluate", labels, join(scratch, "predicted"));
    expect(missing.stderr).toContain(
      `made_3.nii.gz: missing; ${join(labels, "made_3.nii.gz")} has no prediction to compare with`,
    );
    expect(missing.code).toBe(3);
    expect((await nnunet("evaluate", labels, join(scratch, "predicted"), "--partial")).code).toBe(0);
  }));

test("fingerprint --compare: a table and a picture of z-scores that sum to 0 over the datasets", () =>
  withScratch(async (scratch, roots) => {
    await writeMadeDataset(join(scratch, "raw"));
    await nnunet("fingerprint", "8", ...roots);
    const one = join(scratch, "preprocessed", "Dataset008_Made", "dataset_fingerprint.json");
    const json = (await readJson(one)) as { spacings: number[][] };
    const other = join(scratch, "other.json");
    await writeJsonAtomic(other, { ...json, spacings: json.spacings.map((s) => s.map((v) => 2 * v)) });
    const svg = join(scratch, "f.svg");
    const { code, stdout } = await nnunet("fingerprint", "--compare", one, other, "--svg", svg);
    expect(code).toBe(0);
    expect(stdout).toContain("median spacing [z, y, x], mm           2 × 1 × 1");
    const { readFile } = await import("node:fs/promises");
    const numbers = [...(await readFile(svg, "utf8")).matchAll(/>(-?\d\.\d\d|–)</g)].map((match) => match[1]);
    expect(numbers).toHaveLength(16);
    expect(numbers.filter((z) => z === "-1.00")).toHaveLength(1); // the voxel volume, of two datasets
    expect(numbers.filter((z) => z === "1.00")).toHaveLength(1);
  }));
