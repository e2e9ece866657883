import { expect, test } from "@jest/globals";
import { datasetToJson, plansToJson } from "@nnunet/core";
import { readJson, writeJsonAtomic } from "@nnunet/core/node";
import { openDataset } from "@nnunet/io";
import { createPipeline, preprocessedPaths } from "@nnunet/pipeline";
import { contentHash, recordedHash, recordHash } from "../src/records/made-from.ts";
import { originOf, writeOwn } from "../src/records/own-files.ts";
import { foldersIn, withScratch, writeTinyDataset } from "./tiny-dataset.ts";

const drawn = "foreground_intensity_properties_per_channel";
const pooled = `pooled_${drawn}`;

test("a fingerprint of before nnU-Net v2's statistics is measured anew, and a plan by the paper's rules, edited or not, is kept", () =>
  withScratch(async (scratch) => {
    const folders = foldersIn(scratch);
    const dataset = await openDataset(await writeTinyDataset(folders.raw));
    const pipeline = createPipeline({}, folders);
    const paths = preprocessedPaths(folders, dataset.name);
    await pipeline.fingerprint(dataset);
    const { plans } = await pipeline.plan(dataset);
    const name = `plans ${plans.plansName}`;

    // as nnunet-ts wrote them then
    const { [pooled]: ofAllVoxels, ...rest } = (await readJson(paths.fingerprint)) as Record<string, unknown>;
    const earlier = { ...rest, [drawn]: ofAllVoxels };
    await writeOwn(paths.madeFrom, "fingerprint", paths.fingerprint, earlier);
    await recordHash(paths.madeFrom, "fingerprint", "of the same images");
    const inputs = contentHash(["default", {}, earlier, datasetToJson(dataset.json)]);
    expect(await recordedHash(paths.madeFrom, name)).toBe(inputs);
    const edited = { ...(plansToJson(plans) as object), label_manager: "mine" };
    await writeJsonAtomic(paths.plans(plans.plansName), edited);

    expect((await pipeline.fingerprint(dataset)).made).toBe(true);
    expect(Object.keys((await readJson(paths.fingerprint)) as object)).toEqual(expect.arrayContaining([drawn, pooled]));
    expect((await pipeline.plan(dataset, { keep: true })).made).toBe(false);
    expect(await originOf(paths.madeFrom, name, paths.plans(plans.plansName))).toBe("edited");
    expect(await readJson(paths.plans(plans.plansName))).toEqual(JSON.parse(JSON.stringify(edited)));
  }));
