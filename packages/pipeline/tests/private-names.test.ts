import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, jest, test } from "@jest/globals";
import { datasetToJson, type NnunetEvent } from "@nnunet/core";
import { writeJsonAtomic } from "@nnunet/core/node";
import { openDataset } from "@nnunet/io";
import { createPipeline, resultsPaths } from "@nnunet/pipeline";
import { foldersIn, tinyJson, tinyTraining, withScratch, writeTinyDataset } from "./tiny-dataset.ts";

jest.setTimeout(240_000);

test("a trained model, its log, curves and checkpoint name no case, no person and no institution; only its validation names cases", () =>
  withScratch(async (scratch) => {
    const folders = foldersIn(scratch);
    const name = "Dataset007_Tiny";
    const cases = { name, prefix: "DoeJane", trainingCases: 6, testCases: 0 };
    const folder = await writeTinyDataset(folders.raw, cases);
    const other = { contact: "somebody@hospital.example", description: "from the hospital", reference: "Smith et al." };
    const training = [{ image: "./imagesTr/DoeJane_0.nii.gz", label: "./labelsTr/DoeJane_0.nii.gz" }];
    const json = { ...tinyJson(6), name: "Hospital of Somewhere", other: { ...other, training } };
    await writeJsonAtomic(join(folder, "dataset.json"), datasetToJson(json));

    const dataset = await openDataset(folder);
    const pipeline = createPipeline({}, folders);
    await pipeline.fingerprint(dataset);
    const { plans } = await pipeline.plan(dataset);
    await pipeline.preprocess(dataset, plans, ["3d_fullres"]);
    const events: NnunetEvent[] = [];
    const onEvent = (event: NnunetEvent) => {
      if (event.stage === "train") events.push(event);
    };
    await pipeline.train(dataset, plans, "3d_fullres", 0, { ...tinyTraining, onEvent });

    const secrets = ["DoeJane", "Hospital of Somewhere", ...Object.values(other)];
    const paths = resultsPaths(folders, dataset.name, plans.plansName, "3d_fullres");
    const names = (await readdir(paths.folder, { recursive: true, withFileTypes: true }))
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
    expect(names.length).toBeGreaterThan(6);
    const telling: string[] = [];
    for (const path of names.filter((path) => !path.includes("validation"))) {
      const content = await readFile(path);
      for (const secret of secrets) if (content.includes(secret)) telling.push(`${path}: ${secret}`);
    }
    expect(telling).toEqual([]);
    for (const secret of secrets) expect(JSON.stringify(events)).not.toContain(secret);
  }));
