import { existsSync } from "node:fs";
import { copyFile, mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { datasetToJson, InvalidArgumentError, type Volume } from "@nnunet/core";
import { readJson, writeJsonAtomic } from "@nnunet/core/node";
import { readImage, writeImage } from "@nnunet/io";
import { exitCodeOf, messageOf } from "../src/failures.ts";
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
  "report",
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
    [["ensemble", "a", "-o", "b"], "folders: expected at least two folders, or --group-by"],
    [["predict", "-i", "a", "-o", "b", "-m", "c", "--step-size", "2"], "Expected a number in (0, 1]."],
  ])("%j", async (args, message) => {
    const { code, stderr } = await nnunet(...args);
    expect(stderr).toContain(message);
    expect(code).toBe(2);
  });
});

describe("a wrong command line with --json: one document on stdout, nothing else", () => {
  test.each([
    [["train", "4", "--json"], "USAGE", "missing required argument 'configuration'"],
    [["trian", "4", "--json"], "USAGE", "unknown command 'trian' (Did you mean train?)"],
    [["plan", "4", "--gpu-memory", "x", "--json"], "USAGE", "option '--gpu-memory <GB>' argument 'x' is invalid."],
    [["plan", "--json"], "INVALID_ARGUMENT", "plan: expected a dataset"],
  ])("%j", async (args, code, message) => {
    const ran = await nnunet(...args);
    const { error } = JSON.parse(ran.stdout);
    expect(error).toMatchObject({ code, exitCode: 2 });
    expect(error.message).toContain(message);
    expect({ code: ran.code, stderr: ran.stderr }).toEqual({ code: 2, stderr: "" });
  });
});

test("an InvalidArgumentError about data ends with 3, one about a flag with 2 and names the flag", () => {
  const of = (argument: string) => exitCodeOf(new InvalidArgumentError(argument, "something else", 1));
  // a loss that is not finite, a fingerprint, an image, a label set
  for (const argument of ["training", "fingerprint.spacings[3]", "dataset.labels", "image of case a", "scores"]) {
    expect([argument, of(argument)]).toEqual([argument, 3]);
  }
  for (const argument of ["--continue", "gpuMemoryGb", "workers", "overrides.baseFeatures", "datasetId"]) {
    expect([argument, of(argument)]).toEqual([argument, 2]);
  }
  expect(messageOf(new InvalidArgumentError("gpuMemoryGb", "at least 2", 1))).toBe(
    "--gpu-memory: expected at least 2, got 1",
  );
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
      ])) as { configurations: unknown; dataset_name: string }[];
      expect(mine!.configurations).toEqual(whole!.configurations);
      // the folder in which the fingerprint lies: nnU-Net v2 looks for the data there
      expect([mine!.dataset_name, whole!.dataset_name]).toEqual(["Dataset008_Made", "Dataset008_Made"]);
      // elsewhere the plan says that its dataset is no folder's, or is told its name
      const moved = join(scratch, "dataset_fingerprint.json");
      await copyFile(fingerprint, moved);
      const there = ["plan", "--fingerprint", moved, "--dataset-json", dataset, "--overwrite", "--output", output];
      expect((await nnunet(...there)).stderr).toMatch(
        /the plan calls its dataset \S+; nnU-Net v2 and nnunet preprocess look for a folder of that name, .*: name it by --dataset-name/,
      );
      const told = await nnunet(...there, "--dataset-name", "Dataset008_Made");
      expect([told.code, told.stderr]).toEqual([0, ""]);
      expect(await readJson(output)).toMatchObject({ dataset_name: "Dataset008_Made" });
      const misnamed = await nnunet(...there, "--dataset-name", "../Made");
      expect(misnamed.stderr).toContain("--dataset-name: expected a name such as Dataset004_Hippocampus");
      expect(misnamed.code).toBe(2);
      const over = ["--fingerprint", fingerprint, "--dataset-json", dataset, "--output", dataset];
      const refused = await nnunet("plan", ...over);
      expect(refused.stderr).toContain(`${dataset}: exists already; add --overwrite to replace it`);
      expect(refused.code).toBe(3);

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

test("Next: carries the folders that were given, and the plan where there are several", () =>
  withScratch(async (scratch) => {
    await writeMadeDataset(join(scratch, "raw"));
    const spaced = join(scratch, "it's made");
    const roots = ["--raw", join(scratch, "raw"), "--preprocessed", spaced];
    const shown = `--raw ${join(scratch, "raw")} --preprocessed '${join(scratch, "it'\\''s made")}'`;
    const next = async (...args: string[]) => (await nnunet(...args, ...roots)).stdout.match(/^Next: .*$/m)?.[0];
    expect(await next("fingerprint", "8")).toBe(`Next: nnunet plan 8 ${shown}`);
    expect(await next("plan", "8")).toBe(`Next: nnunet preprocess 8 ${shown}`);
    expect(await next("plan", "8", "--planner", "v2")).toBe(`Next: nnunet preprocess 8 --plans nnUNetPlans ${shown}`);
    expect(await next("preprocess", "8", "--plans", "nnUNetPlans", "-c", "3d_fullres")).toBe(
      `Next: nnunet train 8 3d_fullres 0 --plans nnUNetPlans ${shown}`,
    );
    const unknown = await nnunet("train", "8", "3d", "0", "--plans", "nnUNetPlans", ...roots);
    expect(unknown.stderr).toContain('unknown configuration "3d"; this plan has: 2d, 3d_fullres');
    expect(unknown.code).toBe(2);
    const dataset = join(scratch, "raw", "Dataset008_Made");
    expect(await next("info", dataset)).toBe(`Next: nnunet run ${dataset} ${shown}`);
  }));

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
      "12 × 12 × 8 voxels [x, y, z] of float32",
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

test("report: one page of a planned dataset, its numbers under --json; several plans have to be told apart", () =>
  withScratch(async (scratch, roots) => {
    await writeMadeDataset(join(scratch, "raw"));
    const first = await nnunet("report", "8", ...roots);
    expect(first.code).toBe(0);
    expect(await readFile(first.stdout.trim(), "utf8")).toContain("The dataset has not been measured yet.");
    await nnunet("fingerprint", "8", ...roots);
    await nnunet("plan", "8", ...roots);
    const planned = await nnunet("report", "8", "--json", ...roots);
    const { path, plan, dataset } = JSON.parse(planned.stdout);
    expect({ plan: plan.name, cases: dataset.trainingCases }).toEqual({ plan: "nnUNetPaperPlans", cases: 5 });
    expect(await readFile(path, "utf8")).toContain("The plan, and its reasons");
    await nnunet("plan", "8", "--planner", "v2", ...roots);
    const ambiguous = await nnunet("report", "8", ...roots);
    expect(ambiguous.stderr).toContain("holds several plans; choose one of");
    expect(ambiguous.code).toBe(3);
    expect((await nnunet("report", "8", "--plans", "nnUNetPlans", ...roots)).code).toBe(0);
  }));

test("evaluate --surface: distances in mm, the same from any number of threads, and how missed labels count", () =>
  withScratch(async (scratch) => {
    const labels = join(await writeMadeDataset(join(scratch, "raw")), "labelsTr");
    const predicted = join(scratch, "predicted");
    const { cp } = await import("node:fs/promises");
    await cp(labels, predicted, { recursive: true });
    const volume = await readImage(join(labels, "made_1.nii.gz"));
    // label 2 is missed, all else is one voxel to the right
    const data = volume.data.map((_, i) => (volume.data[i - 1] === 1 ? 1 : 0));
    await writeImage(join(predicted, "made_1.nii.gz"), { ...volume, data });
    const evaluate = (...flags: string[]) => nnunet("evaluate", labels, predicted, "--surface", ...flags, "--json");
    const one = await evaluate("--tolerance", "0.1");
    expect(one.code).toBe(0);
    const { surfaces, metric_per_case } = JSON.parse(one.stdout);
    expect(surfaces).toMatchObject({ tolerance_mm: 0.1, mean: { "2": { missed: 1, invented: 0 } } });
    const cases = metric_per_case as { reference_file: string; metrics: Record<string, Record<string, number>> }[];
    const isFirst = ({ reference_file }: { reference_file: string }) => reference_file.endsWith("made_1.nii.gz");
    const [first, second] = [cases.find(isFirst), cases.find((entry) => !isFirst(entry))];
    expect(first!.metrics["1"]!["HD95_mm"]).toBeGreaterThan(0);
    expect(first!.metrics["1"]!["NSD"]).toBeLessThan(1);
    expect(first!.metrics["2"]).toMatchObject({ HD95_mm: null, NSD: 0, volume_error_relative: -1 });
    expect(second!.metrics["1"]).toMatchObject({ HD95_mm: 0, NSD: 1, volume_error_ml: 0 });
    expect((await evaluate("--tolerance", "0.1", "--workers", "2")).stdout).toBe(one.stdout);
    const { stdout } = await nnunet("evaluate", labels, predicted, "--surface");
    expect(stdout).toContain("NSD at 1 mm");
    expect(stdout).toContain("listed as missed or invented");
    const alone = await nnunet("evaluate", labels, predicted, "--tolerance", "2");
    expect(alone.stderr).toContain("--tolerance: expected --surface beside it, which it belongs to, got 2");
    expect(alone.code).toBe(2);
    expect((await nnunet("evaluate", labels, predicted, "--surface", "--tolerance", "-1")).code).toBe(2);
  }));

test("evaluate: a prediction that lies elsewhere in space is refused, one with an unknown label is told", () =>
  withScratch(async (scratch) => {
    const labels = join(await writeMadeDataset(join(scratch, "raw")), "labelsTr");
    const predicted = join(scratch, "predicted");
    const [reference, prediction] = [join(labels, "made_1.nii.gz"), join(predicted, "made_1.nii.gz")];
    const { data, shape, geometry } = await readImage(reference);
    const changed = async (change: Partial<Volume>) => {
      await writeImage(prediction, { data, shape, geometry, ...change });
      return nnunet("evaluate", labels, predicted, "--partial");
    };
    // the same image: voxels reversed along x, the affine corrected for it
    const flippedData = data.slice();
    const [nx, row] = [shape[3], shape[3]];
    for (let i = 0; i < data.length; i++) flippedData[i - (i % row) + (nx - 1 - (i % row))] = data[i]!;
    const [ox, oy, oz] = geometry.origin;
    const [d0, d1, d2, d3, d4, d5, d6, d7, d8] = geometry.direction;
    const flipped = {
      ...geometry,
      origin: [ox + d0 * geometry.spacing[2] * (nx - 1), oy, oz] as const,
      direction: [-d0, d1, d2, -d3, d4, d5, -d6, d7, d8] as const,
    };
    const mirrored = await changed({ data: flippedData, geometry: flipped });
    expect(mirrored.stderr.trim().split("\n").at(-1)).toBe(
      `nnunet: evaluate, case made_1: ${prediction} → direction: differs from ${reference}: [${flipped.direction}] here, [${geometry.direction}] there; voxel by voxel the score would be wrong; resample or reorient the prediction onto the reference`,
    );
    expect({ code: mirrored.code, stdout: mirrored.stdout }).toEqual({ code: 3, stdout: "" });
    const moved = await changed({ geometry: { ...geometry, origin: [ox + 1, oy, oz] } });
    expect(moved.stderr).toContain(`${prediction} → origin: differs from ${reference}`);
    expect(moved.code).toBe(3);
    const [z, y, x] = geometry.spacing;
    const stretched = await changed({ geometry: { ...geometry, spacing: [1.01 * z, y, x] } });
    expect(stretched.stderr).toContain(`${prediction} → spacing: differs from ${reference}`);
    expect(stretched.code).toBe(3);
    expect((await changed({ geometry: { ...geometry, origin: [ox + 0.0005, oy, oz] } })).code).toBe(0);

    const unknown = data.slice();
    unknown[0] = 7;
    const other = await changed({ data: unknown });
    expect(other.stderr).toContain(
      `evaluate: warning: ${prediction}: has label 7, not declared (0, 1, 2); counted as background`,
    );
    expect(other.code).toBe(0);
  }));

test("plan: a fingerprint of other channels is refused by file and key; a tiny memory is told", () =>
  withScratch(async (scratch, roots) => {
    await writeMadeDataset(join(scratch, "raw"));
    await nnunet("fingerprint", "8", ...roots);
    const path = join(scratch, "preprocessed", "Dataset008_Made", "dataset_fingerprint.json");
    const json = (await readJson(path)) as Record<string, unknown>;
    const [drawn, pooled] = ["", "pooled_"].map((prefix) => `${prefix}foreground_intensity_properties_per_channel`);
    const { 0: channel } = json[pooled!] as { 0: unknown };
    const twice = { 0: channel, 1: channel };
    const dataset = join(scratch, "dataset.json");
    await writeJsonAtomic(dataset, datasetToJson(madeJson));
    const two = join(scratch, "two.json");
    await writeJsonAtomic(two, { ...json, [drawn!]: twice, [pooled!]: twice });
    const files = (fingerprint: string, output: string) => [
      ...["--fingerprint", fingerprint, "--dataset-json", dataset, "--output", output],
    ];
    const refused = await nnunet("plan", ...files(two, join(scratch, "p.json")));
    expect(refused.stderr).toContain(`nnunet: ${two} → ${drawn}: expected statistics of 1 channel(s)`);
    expect(refused.code).toBe(3);
    await writeJsonAtomic(path, await readJson(two));
    const byId = await nnunet("plan", "8", ...roots);
    expect(byId.stderr).toContain(`nnunet: ${path} → foreground_intensity_properties_per_channel: expected`);
    expect(byId.code).toBe(3);

    await writeJsonAtomic(path, json);
    const tiny = await nnunet("plan", "8", "--gpu-memory", "0.0006", ...roots);
    expect(tiny.stderr).toContain("plan: warning: 0.0006 GB are so little that the patch shrank to almost nothing");
    expect(tiny.code).toBe(0);
    const alone = await nnunet("plan", ...files(path, join(scratch, "tiny.json")), "--gpu-memory", "0.0006");
    expect(alone.stderr).toContain("plan: warning: 0.0006 GB are so little");
    await writeJsonAtomic(dataset, { ...(datasetToJson(madeJson) as object), numTraining: 6 });
    const six = await nnunet("plan", ...files(path, join(scratch, "six.json")));
    expect(six.stderr).toContain("plan: warning: the fingerprint has 5 cases, dataset.json says numTraining 6; the");
    const wrong = await nnunet("plan", "8", "--set", "baseFeature=16", ...roots);
    expect(wrong.stderr).toContain(
      "nnunet: --set baseFeature: expected a parameter of the blueprint (the nearest: baseFeatures;",
    );
    expect(wrong.code).toBe(2);
    if (existsSync("/proc/self")) {
      const nowhere = await nnunet("plan", ...files(path, "/proc/nnunet-x/plans.json"));
      expect(nowhere.stderr).toContain("/proc/nnunet-x: could not be written: no folder can be made in /proc");
      expect(nowhere.code).toBe(3);
    }
  }));

test("predict -m with something that is no model says what it is, or where the models are", () =>
  withScratch(async (scratch, roots) => {
    const dataset = await writeMadeDataset(join(scratch, "raw"));
    const predict = (model: string) =>
      nnunet("predict", "-i", join(dataset, "imagesTr"), "-o", join(scratch, "out"), "-m", model, ...roots);
    const text = await predict(join(dataset, "dataset.json"));
    expect(text.stderr).toBe(
      `nnunet: ${join(dataset, "dataset.json")}: this is not an ONNX model, but text; name a model.onnx or a folder with trained folds\n`,
    );
    expect(text.code).toBe(3);
    const results = join(scratch, "results");
    const models = ["2d", "3d_fullres", "3d_lowres"].map((name) =>
      join(results, "Dataset008_Made", `nnUNetTrainer__nnUNetPlans__${name}`),
    );
    for (const folder of models) await mkdir(folder, { recursive: true });
    const above = await predict(results);
    expect(above.stderr).toBe(
      `nnunet: ${results}: models lie deeper: name one of its 3 model folders: ${models[0]}, ${models[1]}, …\n`,
    );
    expect(above.code).toBe(3);
  }));

test("verify --fix says what was done, and refuses an impossible name", () =>
  withScratch(async (scratch, roots) => {
    const dataset = await writeMadeDataset(join(scratch, "raw"));
    await writeJsonAtomic(join(dataset, "dataset.json"), { ...(datasetToJson(madeJson) as object), numTraining: 30 });
    const refused = await nnunet("verify", "8", "--fix", join(scratch, "fixed"), ...roots);
    expect(refused.stderr).toBe(
      `nnunet: ${join(scratch, "fixed")}: the new folder must be called DatasetNNN_Name, such as Dataset014_Hippocampus\n`,
    );
    expect(refused.code).toBe(3);
    const fixed = await nnunet("verify", "8", "--fix", join(scratch, "raw", "Dataset009_Fixed"), ...roots);
    expect(fixed.stdout).toMatch(/what was done\s+─[─ ]+\n.*numTraining set to the number of cases\n/);
    expect(fixed.code).toBe(0);
  }));

test("fingerprint --compare of the same dataset twice has two columns", () =>
  withScratch(async (scratch, roots) => {
    await writeMadeDataset(join(scratch, "raw"));
    const svg = join(scratch, "f.svg");
    const ran = await nnunet("fingerprint", "--compare", "8", "8", "--draw", svg, "--json", ...roots);
    expect(Object.keys(JSON.parse(ran.stdout))).toEqual(["Dataset008_Made", "Dataset008_Made (2)"]);
    expect(await readFile(svg, "utf8")).toContain(">Dataset008_Made (2)<");
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
    const { code, stdout } = await nnunet("fingerprint", "--compare", one, other, "--draw", svg);
    expect(code).toBe(0);
    expect(stdout).toMatch(/median spacing \[x, y, z\], mm +1 × 1 × 2/);
    const marks = [...(await readFile(svg, "utf8")).matchAll(/<circle cx="([\d.]+)"/g)].map(([, x]) => Number(x));
    const [least, most] = [Math.min(...marks), Math.max(...marks.slice(0, -2))]; // the last two are the legend
    // one standard deviation below and above: only the spacing differs between the two, along each axis
    expect([least, most].map((x) => marks.filter((mark) => mark === x).length)).toEqual([3, 3]);
    expect(marks.slice(0, -2).filter((x) => x !== least && x !== most)).toEqual(
      Array.from({ length: marks.length - 8 }, () => (least + most) / 2),
    );
  }));
