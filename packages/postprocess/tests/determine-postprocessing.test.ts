import { expect, test } from "@jest/globals";
import { type LabelMetrics, labelSet, type ValidationCase } from "@nnunet/core";
import { caseMetrics } from "@nnunet/evaluate";
import {
  acceptanceRules,
  applyPostprocessing,
  defaultPostprocessor,
  determinePostprocessing,
  postprocessingFromJson,
  postprocessingToJson,
  postprocessingTrials,
} from "@nnunet/postprocess";

const dataset = (labels: Record<string, number | number[]>, regionsClassOrder?: number[]) =>
  labelSet({
    channelNames: ["CT"],
    labels,
    numTraining: 1,
    fileEnding: ".nii.gz",
    ...(regionsClassOrder ? { regionsClassOrder } : {}),
  });
const two = dataset({ background: 0, a: 1, b: 2 });
const line = (id: string, reference: number[], prediction: number[]): ValidationCase => ({
  id,
  reference: Int16Array.from(reference),
  prediction: Int16Array.from(prediction),
  shape: [1, 1, reference.length],
});

test("a stray bit of label 1 beside one object: the whole foreground is cleaned, and no label needs more", async () => {
  const cases = [line("x", [0, 1, 1, 2, 2, 0, 0, 0], [0, 1, 1, 2, 2, 0, 1, 0])];
  const found = await determinePostprocessing(() => cases, two, caseMetrics);
  expect(found.keepLargest).toEqual([[1, 2]]);
  expect(found).toMatchObject({ rules: "paper", connectivity: "face", cases: 1 });
  expect(found.decisions.map(({ group, adopted }) => [group, adopted])).toEqual([
    [[1, 2], true],
    [[1], false],
    [[2], false],
  ]);
  const names = new Map([
    ["1", "front"],
    ["(1, 2)", "both"],
  ]);
  expect(postprocessingTrials(found, names)).toEqual([
    { what: "the largest component of both alone", before: 0.9, after: 1, adopted: true },
    { what: "the largest component of front alone", before: 1, after: 1, adopted: false },
    { what: "the largest component of label 2 alone", before: 1, after: 1, adopted: false },
  ]);
  expect(found.decisions[0]!.before).toEqual({ "1": 0.8, "2": 1 });
  expect(found.decisions[0]!.after).toEqual({ "1": 1, "2": 1 });
  expect(Array.from(applyPostprocessing(cases[0]!.prediction, [1, 1, 8], found))).toEqual([0, 1, 1, 2, 2, 0, 0, 0]);
  expect(defaultPostprocessor.apply(cases[0]!.prediction, [1, 1, 8], found)[6]).toBe(0);
});

test("two true objects: the foreground as one would hurt label 2; label 1 alone is cleaned", async () => {
  const cases = [line("x", [1, 1, 1, 0, 2, 2, 0, 0], [1, 1, 1, 0, 2, 2, 0, 1])];
  const found = await determinePostprocessing(() => cases, two, caseMetrics);
  expect(found.keepLargest).toEqual([[1]]);
  expect(found.decisions[0]).toMatchObject({ group: [1, 2], adopted: false });
});

test("nothing to clean: nothing is adopted", async () => {
  const cases = [line("x", [1, 1, 0, 2], [1, 1, 0, 2]), line("y", [0, 0, 0, 2], [0, 0, 0, 2])];
  const found = await determinePostprocessing(() => cases, two, caseMetrics);
  expect(found.keepLargest).toEqual([]);
  const before = cases[0]!.prediction;
  expect(applyPostprocessing(before, [1, 1, 4], found)).toEqual(before);
});

test("the two rule sets part where a label is nowhere: v2's mean is NaN then", async () => {
  const three = dataset({ background: 0, a: 1, b: 2, c: 3 });
  const cases = [line("x", [1, 1, 0, 0], [1, 1, 0, 1])];
  const paper = await determinePostprocessing(() => cases, three, caseMetrics);
  expect(paper.decisions[0]!.adopted).toBe(true);
  const v2 = await determinePostprocessing(() => cases, three, caseMetrics, { rules: acceptanceRules.v2 });
  expect(v2.decisions[0]!.adopted).toBe(false);
  expect(v2).toMatchObject({ connectivity: "full", keepLargest: [[1]] });
});

test("rules as values: equal means are no improvement for v2; paper looks at single labels", () => {
  const before = { "1": 0.5, "2": 0.5 };
  expect(acceptanceRules.paper.acceptForeground(before, { "1": 0.6, "2": 0.5 })).toBe(true);
  expect(acceptanceRules.paper.acceptForeground(before, { "1": 0.9, "2": 0.49 })).toBe(false);
  expect(acceptanceRules.paper.acceptForeground(before, before)).toBe(false);
  expect(acceptanceRules.v2.acceptForeground(before, { "1": 0.6, "2": 0.5 })).toBe(true);
  expect(acceptanceRules.v2.acceptForeground(before, { "1": 0.9, "2": 0.49 })).toBe(false);
});

test("overlapping regions are tried one after the other, each on top of the last", async () => {
  const regions = dataset({ background: 0, whole: [1, 2], core: 2 }, [1, 2]);
  // the stray 2 is part of the whole object by touching it, but not the larger core
  const cases = [line("x", [1, 2, 2, 1, 1, 0, 0], [1, 2, 2, 1, 2, 0, 1])];
  const found = await determinePostprocessing(() => cases, regions, caseMetrics);
  expect(found.decisions.map(({ group, adopted }) => [group, adopted])).toEqual([
    [[1, 2], true],
    [[1, 2], false],
    [[2], true],
  ]);
});

test("cases may come from an async generator, and are read again for each question", async () => {
  let readings = 0;
  async function* cases() {
    readings++;
    yield line("x", [1, 1, 0, 2], [1, 1, 0, 2]);
  }
  await determinePostprocessing(cases, two, caseMetrics);
  expect(readings).toBe(2);
});

test("postprocessing.json there and back; nnU-Net v1's file is read too", async () => {
  const three = dataset({ background: 0, a: 1, b: 2, c: 3 });
  const cases = [line("x", [0, 1, 1, 2, 2, 0, 0, 0], [0, 1, 1, 2, 2, 0, 1, 0])];
  const found = await determinePostprocessing(() => cases, three, caseMetrics);
  const json = JSON.parse(JSON.stringify(postprocessingToJson(found)));
  expect(json).toMatchObject({ for_which_classes: [[1, 2, 3]], num_samples: 1, min_valid_object_sizes: null });
  expect(postprocessingFromJson(json, "postprocessing.json")).toEqual(found);
  expect(postprocessingFromJson({ for_which_classes: [[1, 2], 1], num_samples: 20 }, "postprocessing.json")).toEqual({
    rules: "paper",
    connectivity: "face",
    keepLargest: [[1, 2], [1]],
    cases: 20,
    decisions: [],
  });
});

test("nothing is determined from no case or after it was cancelled, nor read from what is no postprocessing.json", async () => {
  const nothing: Record<string, LabelMetrics> = {};
  await expect(
    determinePostprocessing(
      () => [],
      two,
      () => nothing,
    ),
  ).rejects.toThrow("cases: expected at least one validation case, got []");
  const cases = [line("x", [1, 1, 0, 2], [1, 1, 0, 2])];
  await expect(determinePostprocessing(() => cases, two, caseMetrics, { signal: AbortSignal.abort() })).rejects.toThrow(
    "choice of the postprocessing: cancelled",
  );
  expect(() => postprocessingFromJson(3, "p.json")).toThrow(
    "p.json: expected an object; is this a postprocessing.json?",
  );
  expect(() => postprocessingFromJson({}, "p.json")).toThrow(
    "p.json → for_which_classes: expected a list of labels and lists of labels",
  );
  expect(() => postprocessingFromJson({ for_which_classes: [0] }, "p.json")).toThrow(
    "p.json → for_which_classes.0: expected foreground label ids",
  );
  expect(() => postprocessingFromJson({ for_which_classes: [], connectivity: "edge" }, "p.json")).toThrow(
    'p.json → connectivity: expected "face" or "full"',
  );
});
