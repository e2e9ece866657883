import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { expect, test } from "@jest/globals";
import { makeFolder, readJson, writeJsonAtomic } from "@nnunet/core/node";
import { type Folders, givenUpPath, resultsPaths } from "../src/folders.ts";
import { dropWhatIsTrained, keepGivenUp } from "../src/records/given-up-record.ts";
import { foldersIn, withScratch } from "./tiny-dataset.ts";

const plansName = "nnUNetPaperPlans";
const dataset = "Dataset007_Tiny";
const trainings = [{ configuration: "3d_fullres", fold: 0 }];
const left = { sentence: "2d left out: …", missing: [{ configuration: "2d", fold: 0 }] };
const short = { sentence: "20 epochs instead of 1000: …", missing: [] };

/** What a finished training leaves. */
async function train(folders: Folders, configuration: string, madeOf: string): Promise<void> {
  const { folder, model, madeFrom } = resultsPaths(folders, dataset, plansName, configuration).fold(0);
  await makeFolder(folder);
  await writeFile(model, "");
  await writeJsonAtomic(madeFrom, { training: madeOf });
}

const withPlace = (work: (folders: Folders, place: Parameters<typeof keepGivenUp>[0]) => Promise<void>) =>
  withScratch((scratch) => {
    const folders = foldersIn(scratch);
    return work(folders, { folders, dataset, plansName });
  });

const noted = async (folders: Folders) => {
  const path = givenUpPath(folders, dataset, plansName);
  return existsSync(path) ? ((await readJson(path)) as { budget: string; givenUp: string[] }) : undefined;
};

test("what a budget gave up is noted beside the trainings, until somebody trains it", () =>
  withPlace(async (folders, place) => {
    await train(folders, "3d_fullres", "short");
    await keepGivenUp(place, 3600, [left, short], trainings);
    expect(await noted(folders)).toMatchObject({ budget: "60 min", givenUp: [left.sentence, short.sentence] });
    await dropWhatIsTrained(place);
    expect((await noted(folders))!.givenUp).toHaveLength(2);

    await train(folders, "2d", "any");
    await dropWhatIsTrained(place);
    expect((await noted(folders))!.givenUp).toEqual([short.sentence]);

    await train(folders, "3d_fullres", "long");
    await dropWhatIsTrained(place);
    expect(await noted(folders)).toBeUndefined();
  }));

test("a training that was there before and is left out of the comparison is given up all the same", () =>
  withPlace(async (folders, place) => {
    await train(folders, "2d", "of an earlier run");
    await train(folders, "3d_fullres", "short");
    await keepGivenUp(place, 90, [left], trainings);
    await dropWhatIsTrained(place);
    expect(await noted(folders)).toMatchObject({ budget: "90 s", givenUp: [left.sentence] });
  }));

test("a later budget in which nothing is given up leaves nothing of an earlier one", () =>
  withPlace(async (folders, place) => {
    await train(folders, "3d_fullres", "short");
    await keepGivenUp(place, 3600, [short], trainings);
    await keepGivenUp(place, 7200, [], trainings);
    expect(await noted(folders)).toBeUndefined();
    await dropWhatIsTrained(place); // nor is it an error that there is none
  }));
