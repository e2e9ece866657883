import { join } from "node:path";
import { expect, test } from "@jest/globals";
import type { RawDataset } from "@nnunet/core";
import { hearWarnings, joined } from "../src/jobs/job-warnings.ts";
import { withoutNames } from "../src/reporting/job-warnings.ts";

const folders = { raw: "/data/my raw", preprocessed: "/data/pre", results: "/data/results" };

function datasetOf(trainingIds: readonly string[], testIds: readonly string[] = []): RawDataset {
  const folder = join(folders.raw, "Dataset004_Some");
  const files = (id: string) => ({ id, images: [] });
  const cases = { trainingCases: trainingIds.map(files), testCases: testIds.map(files) };
  return { id: 4, name: "Dataset004_Some", folder, json: {} as RawDataset["json"], ...cases };
}

test("the warnings of a job are collected once each, those of the run itself are not among them", () => {
  const passed: string[] = [];
  const { onEvent, take } = hearWarnings((event) => void (event.type === "message" && passed.push(event.text)));
  const say = (stage: string, level: "info" | "warning", text: string) =>
    onEvent({ type: "message", stage, level, text });
  say("preprocess", "warning", "odd spacing");
  say("preprocess", "warning", "odd spacing");
  say("preprocess", "info", "waiting");
  say("run", "warning", "train 2d 0 failed");
  expect(take()).toEqual(["odd spacing"]);
  expect(take()).toEqual([]);
  expect(passed).toHaveLength(4);
  expect(joined(["a", "b"], ["b", "c"])).toEqual(["a", "b", "c"]);
});

test("of hundreds of warnings the first hundred stay, and how many more there were", () => {
  const { onEvent, take } = hearWarnings(undefined);
  for (let i = 0; i < 250; i++) onEvent({ type: "message", stage: "predict", level: "warning", text: `image ${i}` });
  const warnings = take();
  expect(warnings).toHaveLength(101);
  expect(warnings.at(-1)).toBe("and 150 more");
});

test("a report names no case and no folder: cases have its numbers", () => {
  const dataset = datasetOf(["anna_1", "anna_10", "bert_2"], ["cara_3"]);
  const bare = (text: string) => withoutNames(text, folders, dataset);
  expect(bare("/data/my raw/Dataset004_Some/imagesTr/anna_1_0000.nii.gz → pixdim: is 0")).toBe(
    "imagesTr/case 1_0000.nii.gz → pixdim: is 0",
  );
  expect(bare("case anna_10, /elsewhere/far/cara_3.nii.gz and bert_2")).toBe("case 2, test case 1.nii.gz and case 3");
  expect(bare("the spacing of 3 images differs")).toBe("the spacing of 3 images differs");
});

test("an id that could be any word or number is taken out only where a case must be meant, and no number twice", () => {
  const dataset = datasetOf(["2", "1", "image"]);
  const bare = (text: string) => withoutNames(text, folders, dataset);
  expect(bare("1_0000.nii.gz: image has 2 channels, case 2 has 1")).toBe(
    "case 1_0000.nii.gz: image has 2 channels, case 2 has 1",
  );
  expect(bare("image.nii.gz: odd")).toBe("case 3.nii.gz: odd");
});
