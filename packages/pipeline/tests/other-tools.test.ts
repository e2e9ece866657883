import { mkdir, readdir, readFile, readlink, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, jest, test } from "@jest/globals";
import { fingerprintToJson, type NnunetEvent, plansToJson, type RawDataset } from "@nnunet/core";
import { readJson, writeJsonAtomic } from "@nnunet/core/node";
import { openDataset } from "@nnunet/io";
import { createPipeline, preprocessedPaths, resultsPaths } from "@nnunet/pipeline";
import { keepEdited } from "../src/records/own-files.ts";
import { foldersIn, tinyRun, withScratch, writeTinyDataset } from "./tiny-dataset.ts";

// Each training takes a second or two, but other test files may use the cores at the same time.
jest.setTimeout(240_000);

/** What nnU-Net v2 leaves in a preprocessed folder: its keys only, its own indent, and files that we do not know. */
async function planAsPython(scratch: string, dataset: RawDataset): Promise<Record<string, string>> {
  const elsewhere = createPipeline({}, { ...foldersIn(scratch), preprocessed: join(scratch, "elsewhere") });
  const { fingerprint } = await elsewhere.fingerprint(dataset);
  const { plans } = await elsewhere.plan(dataset, { ruleSet: "v2" });
  const measured = fingerprintToJson(fingerprint) as Record<string, unknown>;
  const { explanation: _, nnunet_ts: __, ...planned } = plansToJson(plans) as Record<string, unknown>;
  const v2 = ["spacings", "shapes_after_crop", "foreground_intensity_properties_per_channel"];
  const files = {
    "dataset_fingerprint.json": Object.fromEntries(
      [...v2, "median_relative_size_after_cropping"].map((key) => [key, measured[key]]),
    ),
    "nnUNetPlans.json": { ...planned, experiment_planner_used: "ExperimentPlanner" },
    "dataset.json": { ...((await readJson(join(dataset.folder, "dataset.json"))) as object), author: "somebody" },
    "splits_final.json": [{ train: ["tiny_0", "tiny_1", "tiny_2"], val: ["tiny_4"] }],
  };
  const { folder } = preprocessedPaths(foldersIn(scratch), dataset.name);
  await mkdir(folder, { recursive: true });
  for (const [name, json] of Object.entries(files)) {
    await writeFile(join(folder, name), JSON.stringify(json, null, 4));
  }
  return Object.fromEntries(Object.entries(files).map(([name, json]) => [name, JSON.stringify(json, null, 4)]));
}

test("run in a preprocessed folder of nnU-Net v2 keeps and uses its fingerprint, plan and splits, and says so", () =>
  withScratch(async (scratch) => {
    const folders = foldersIn(scratch);
    const dataset = await openDataset(await writeTinyDataset(folders.raw));
    const before = await planAsPython(scratch, dataset);
    const { folder } = preprocessedPaths(folders, dataset.name);
    const pipeline = createPipeline({}, folders);
    const expectUntouched = async () => {
      for (const [name, text] of Object.entries(before)) expect(await readFile(join(folder, name), "utf8")).toBe(text);
    };
    const told: string[] = [];
    const onEvent = (event: NnunetEvent) => event.type === "message" && told.push(event.text);

    const { plansPath, folds } = await pipeline.run(dataset.folder, {
      ...tinyRun,
      planner: { ruleSet: "v2" },
      onEvent,
    });
    expect(plansPath).toBe(join(folder, "nnUNetPlans.json"));
    expect(folds[0]!.training.validation.cases).toHaveLength(1);
    expect(told).toContain(
      `${join(folder, "dataset_fingerprint.json")} was made by another tool; it is kept and used (moved away, it would be measured anew)`,
    );
    expect(told).toContain(`${plansPath} was made by another tool (ExperimentPlanner); it is kept and used`);
    await expectUntouched();

    // the same plan, named
    const named = await pipeline.run(dataset.folder, { ...tinyRun, plansName: "nnUNetPlans" });
    expect([named.plansPath, named.folds[0]!.training.trained]).toEqual([plansPath, false]);
    await expect(
      pipeline.run(dataset.folder, { ...tinyRun, plansName: "nnUNetPlans", planner: { ruleSet: "v2" } }),
    ).rejects.toThrow("plansName: expected a plan that is there, or options of a planner, not both");

    // a plan under that name is not made over it, one under another name is
    await expect(pipeline.plan(dataset, { ruleSet: "v2" })).rejects.toThrow(
      `${plansPath}: was made by another tool (ExperimentPlanner) and is never replaced; move it away, or plan by another rule set, which has a name of its own`,
    );
    expect((await pipeline.plan(dataset)).path).toBe(join(folder, "nnUNetPaperPlans.json"));
    await expectUntouched();
  }));

test("a fingerprint of another tool that does not fit the dataset is neither used nor replaced", () =>
  withScratch(async (scratch) => {
    const folders = foldersIn(scratch);
    const dataset = await openDataset(await writeTinyDataset(folders.raw));
    await planAsPython(scratch, dataset);
    const path = preprocessedPaths(folders, dataset.name).fingerprint;
    const json = (await readJson(path)) as { spacings: unknown[]; shapes_after_crop: unknown[] };
    await writeJsonAtomic(path, {
      ...json,
      spacings: json.spacings.slice(1),
      shapes_after_crop: json.shapes_after_crop.slice(1),
    });
    const bytes = await readFile(path);
    await expect(createPipeline({}, folders).fingerprint(dataset)).rejects.toThrow(
      `${path}: was made by another tool, of 5 cases of 1 channel, and Dataset007_Tiny has 6 cases of 1 channel; move it away, and the dataset is measured anew`,
    );
    expect(await readFile(path)).toEqual(bytes);
  }));

test("of a file that was replaced by a link the link is kept, and never a copy of what it leads to", () =>
  withScratch(async (scratch) => {
    const [secret, plans] = [join(scratch, "secret.json"), join(scratch, "plans.json")];
    await writeJsonAtomic(secret, { password: 1 });
    await symlink(secret, plans);
    expect(await readlink(await keepEdited(plans))).toBe(secret);
    expect(await readdir(scratch)).toEqual(["plans.edited.json", "secret.json"]);
  }));

test("a fingerprint of ours that was edited by hand is copied before the dataset is measured again", () =>
  withScratch(async (scratch) => {
    const folders = foldersIn(scratch);
    const dataset = await openDataset(await writeTinyDataset(folders.raw));
    const pipeline = createPipeline({}, folders);
    const { path } = await pipeline.fingerprint(dataset);
    const edited = { ...((await readJson(path)) as object), median_relative_size_after_cropping: 0.5 };
    await writeJsonAtomic(path, edited);
    expect((await pipeline.fingerprint(dataset)).made).toBe(false);
    const changed = { ...dataset, json: { ...dataset.json, channelNames: ["CT"] } };
    expect((await pipeline.fingerprint(changed)).made).toBe(true);
    expect(await readJson(path.replace(".json", ".edited.json"))).toEqual(edited);
  }));

test("a fold that Python nnU-Net has trained is neither moved nor written beside", () =>
  withScratch(async (scratch) => {
    const folders = foldersIn(scratch);
    const dataset = await openDataset(await writeTinyDataset(folders.raw));
    const pipeline = createPipeline({}, folders);
    await pipeline.fingerprint(dataset);
    const { plans } = await pipeline.plan(dataset);
    await pipeline.preprocess(dataset, plans, ["3d_fullres"]);
    const { folder } = resultsPaths(folders, dataset.name, plans.plansName, "3d_fullres");
    await mkdir(join(folder, "fold_0"), { recursive: true });
    await writeFile(join(folder, "fold_0", "checkpoint_final.pth"), "theirs");
    for (const existing of ["overwrite", "update"] as const) {
      await expect(pipeline.train(dataset, plans, "3d_fullres", 1, { ...tinyRun, existing })).rejects.toThrow(
        `${join(folder, "fold_0")}: holds a training of another tool (checkpoint_final.pth); nothing of it is replaced: choose another results folder`,
      );
    }
    expect(await readFile(join(folder, "fold_0", "checkpoint_final.pth"), "utf8")).toBe("theirs");
  }));

test("the folder of a validation is no link to another place", () =>
  withScratch(async (scratch) => {
    const folders = foldersIn(scratch);
    const dataset = await openDataset(await writeTinyDataset(folders.raw));
    const pipeline = createPipeline({}, folders);
    const { folds } = await pipeline.run(dataset.folder, { ...tinyRun, folds: [1] });
    const validation = join(folds[0]!.training.model, "..", "validation");
    const elsewhere = join(scratch, "elsewhere");
    await rename(validation, elsewhere);
    await symlink(elsewhere, validation);
    await rm(join(elsewhere, "summary.json"));
    const before = await readdir(elsewhere);
    await expect(pipeline.run(dataset.folder, { ...tinyRun, folds: [1] })).rejects.toThrow(
      `${validation}: is a link, and the results that go here replace others; put a folder in its place`,
    );
    expect(await readdir(elsewhere)).toEqual(before);
  }));

test("scores go over a file that is there only where that is asked for", () =>
  withScratch(async (scratch) => {
    const dataset = await openDataset(await writeTinyDataset(join(scratch, "raw")));
    const pipeline = createPipeline({}, foldersIn(scratch));
    const label = dataset.trainingCases[0]!.label!;
    const pairs = [{ reference: label, prediction: label }];
    const output = join(scratch, "summary.json");
    await writeFile(output, "theirs");
    await expect(pipeline.evaluate(pairs, dataset.json, output)).rejects.toThrow(`${output}: exists already`);
    expect(await readFile(output, "utf8")).toBe("theirs");
    await pipeline.evaluate(pairs, dataset.json, output, { overwrite: true });
    expect(await readJson(output)).toMatchObject({ foreground_mean: { Dice: 1 } });
  }));
