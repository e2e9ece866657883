import { join } from "node:path";
import { expect, jest, test } from "@jest/globals";
import type { NnunetEvent } from "@nnunet/core";
import { openDataset, readImage, writeImage } from "@nnunet/io";
import { createPipeline } from "@nnunet/pipeline";
import { foldersIn, withScratch, writeTinyDataset } from "./tiny-dataset.ts";

jest.setTimeout(120_000);

test("one image under two names is found by its voxels, and warned of where a fold divides the two", () =>
  withScratch(async (scratch) => {
    const folders = foldersIn(scratch);
    const folder = await writeTinyDataset(folders.raw);
    const imageOf = (index: number) => join(folder, "imagesTr", `tiny_${index}_0000.nii.gz`);
    const { data, shape, geometry } = await readImage(imageOf(1));
    // other bytes on disk: the same voxels as 64-bit numbers
    await writeImage(imageOf(4), { data: Float64Array.from(data), shape, geometry }, { overwrite: true });
    const dataset = await openDataset(folder);
    const pipeline = createPipeline({}, folders);
    const warnings: string[] = [];
    const onEvent = (event: NnunetEvent) =>
      event.type === "message" && event.level === "warning" && warnings.push(event.text);
    const text =
      "the same image under several names: tiny_1 = tiny_4; a network that was trained on one of them is validated on the other, and its score is too good: keep them in one fold by `groupBy` (a pattern or a table), or take the copies away";
    await pipeline.fingerprint(dataset, { onEvent, workers: 1 });
    expect(warnings).toEqual([text]);
    await pipeline.split(dataset);
    await pipeline.fingerprint(dataset, { onEvent, workers: 1 });
    expect(warnings).toEqual([text, text]);
    const groups = Object.fromEntries(dataset.trainingCases.map(({ id }) => [id, id === "tiny_4" ? "tiny_1" : id]));
    await pipeline.split(dataset, { groups });
    await pipeline.fingerprint(dataset, { onEvent, workers: 1 });
    expect(warnings).toHaveLength(2);
  }));
