import { expect, test } from "@jest/globals";
import { labelSet } from "@nnunet/core";
import {
  caseMetrics,
  emptyCasesPolicy,
  groupCount,
  labelsNotFound,
  summarise,
  summaryFromJson,
  summaryFromText,
  summaryTable,
  summaryToJson,
  summaryToText,
  surfaceTable,
} from "@nnunet/evaluate";

const labels = labelSet({
  channelNames: ["CT"],
  labels: { background: 0, a: 1, b: 2, c: 3 },
  numTraining: 2,
  fileEnding: ".nii.gz",
});
const evaluated = (name: string, reference: number[], prediction: number[]) => ({
  referenceFile: `ref/${name}`,
  predictionFile: `pred/${name}`,
  metrics: caseMetrics(Int16Array.from(reference), Int16Array.from(prediction), labels),
});
// label 1: Dice 2/3 and 1; label 2: absent from the first, 0 in the second; label 3: nowhere
const summary = summarise([evaluated("x", [0, 1, 1, 0], [0, 1, 0, 0]), evaluated("NaN", [1, 2, 0, 0], [1, 0, 0, 0])]);

test("means leave out the cases where a label is nowhere; the mean over labels does not hide one that never is", () => {
  expect(summary.mean["1"]!.dice).toBeCloseTo((2 / 3 + 1) / 2, 15);
  expect(summary.mean["2"]!.dice).toBe(0);
  expect(summary.mean["3"]!.dice).toBeNaN();
  expect(summary.foregroundMean.dice).toBeNaN();
  expect(summary.mean["1"]!.falseNegatives).toBe(0.5);
  expect(summary.foregroundMean.trueNegatives).toBeCloseTo((2.5 + 3.5 + 4) / 3, 15);
});

test("summary.json has nnU-Net v2's layout", () => {
  const json = summaryToJson(summary) as Record<string, Record<string, unknown>>;
  expect(Object.keys(json)).toEqual(["foreground_mean", "mean", "dice_intervals", "metric_per_case"]);
  expect(Object.keys(json["foreground_mean"]!)).toEqual(["Dice", "FN", "FP", "IoU", "TN", "TP", "n_pred", "n_ref"]);
  expect((json["metric_per_case"] as unknown as unknown[])[1]).toEqual({
    metrics: {
      "1": { Dice: 1, FN: 0, FP: 0, IoU: 1, TN: 3, TP: 1, n_pred: 1, n_ref: 1 },
      "2": { Dice: 0, FN: 1, FP: 0, IoU: 0, TN: 3, TP: 0, n_pred: 0, n_ref: 1 },
      "3": { Dice: null, FN: 0, FP: 0, IoU: null, TN: 4, TP: 0, n_pred: 0, n_ref: 0 },
    },
    prediction_file: "pred/NaN",
    reference_file: "ref/NaN",
  });
});

test("there and back through a file's text, ours and Python's", () => {
  expect(summaryFromText(summaryToText(summary), "summary.json")).toEqual(summary);
  expect(summaryFromText(JSON.stringify(summaryToJson(summary)), "summary.json")).toEqual(summary);
});

test("what is undefined is NaN in the file, as nnU-Net v2 writes it and its tools compute with it, and texts stay as they are", () => {
  const remarked = {
    ...summary,
    remark: 'says "Dice": null,',
    cases: [{ ...summary.cases[0]!, predictionFile: "pred/a: null" }, summary.cases[1]!],
  };
  const text = summaryToText(remarked);
  expect(text).toContain('"Dice": NaN,\n');
  expect(text.match(/null/g)).toHaveLength(2);
  expect(summaryFromText(text, "summary.json")).toEqual(remarked);
  expect(JSON.parse(text.replace(/NaN(?=,?$)/gm, "null"))).toEqual(summaryToJson(remarked));
});

test("the table names the label and says where a mean leaves cases out", () => {
  expect(summaryTable(summary, ["a", "b", "c"])).toBe(summaryTable(summary, labels));
  expect(summaryTable(summary, labels)).toBe(
    [
      "label           mean Dice  95 % interval  worst Dice  mean IoU  voxels (ref → pred)   cases",
      "1 a                0.8333              –      0.6667    0.7500                2 → 1       2",
      "2 b                0.0000              –      0.0000    0.0000                1 → 0  1 of 2",
      "3 c                     –              –           –         –                0 → 0  0 of 2",
      "mean of labels          –              –                     –                            2",
      "A label that neither reference nor prediction has gives no Dice in that case (–); means leave it out: 3 of 6.",
    ].join("\n"),
  );
});

test("groups of cases go into the file, come back from it, and the table says that intervals draw them", () => {
  const [first, second] = summary.cases;
  const grouped = summarise([first!, second!, first!].map((each, i) => ({ ...each, group: i < 2 ? "a" : "b" })));
  expect(summaryFromText(JSON.stringify(summaryToJson(grouped)), "summary.json")).toEqual(grouped);
  expect(groupCount(grouped)).toBe(2);
  expect(summaryTable(grouped, labels)).toContain(
    "\nIntervals draw the 2 groups of the 3 cases anew, not single cases.\n",
  );
  const alone = summarise(summary.cases.map((each, i) => ({ ...each, group: String(i) })));
  expect(groupCount(alone)).toBeUndefined();
  expect(summaryTable(alone, labels)).toBe(summaryTable(summary, labels));
});

test("labels that are not found: never predicted, or hardly where they are; one that no reference has is none of them", () => {
  const [first] = summary.cases;
  const counts = (truePositives: number, falsePositives: number, falseNegatives: number) => ({
    ...first!.metrics["1"]!,
    dice: (2 * truePositives) / (2 * truePositives + falsePositives + falseNegatives),
    predictedVoxels: truePositives + falsePositives,
    referenceVoxels: truePositives + falseNegatives,
  });
  const metrics = { "1": counts(0, 0, 9), "2": counts(1, 30, 30), "3": counts(0, 5, 0), "4": counts(9, 1, 1) };
  expect(labelsNotFound(summarise([{ ...first!, metrics }]))).toEqual([
    { key: "1", dice: 0, isNeverPredicted: true },
    { key: "2", dice: 1 / 31, isNeverPredicted: false },
  ]);
});

test("regions get their names and stand in the order of dataset.json, whatever the order of the keys", () => {
  const regions = labelSet({
    channelNames: ["CT"],
    labels: { background: 0, whole: [1, 2], core: 2 },
    regionsClassOrder: [1, 2],
    numTraining: 1,
    fileEnding: ".nii.gz",
  });
  const metrics = caseMetrics(Int16Array.of(0, 1, 2), Int16Array.of(0, 1, 2), regions);
  const table = summaryTable(summarise([{ referenceFile: "a", predictionFile: "a", metrics }]), regions);
  expect(table.split("\n").map((line) => line.slice(0, 14).trimEnd())).toEqual([
    "label",
    "(1, 2) whole",
    "2 core",
    "mean of labels",
  ]);
});

test("no summary is made of no case or of cases with different labels, nor read from what is no summary.json", () => {
  expect(() => summarise([])).toThrow("cases: expected at least one evaluated case, got []");
  const [first] = summary.cases;
  expect(() => summarise([first!, { ...first!, referenceFile: "y", metrics: { "1": first!.metrics["1"]! } }])).toThrow(
    'cases, y: expected the labels 1, 2, 3, got ["1"]',
  );
  expect(() => summaryFromText("{", "s.json")).toThrow(/^s\.json: not valid JSON \(.*\); evaluate again$/);
  expect(() => summaryFromJson([], "s.json")).toThrow("s.json: expected an object; is this a summary.json?");
  expect(() => summaryFromJson({ mean: {} }, "s.json")).toThrow("s.json → metric_per_case: expected a list of cases");
  expect(() => summaryFromJson({ metric_per_case: [], foreground_mean: { Dice: "x" } }, "s.json")).toThrow(
    "s.json → foreground_mean.Dice: expected a number or null; evaluate again",
  );
});

const found = { hd95: 2, assd: 0.5, nsd: 0.9, volumeErrorMl: 0.1, relativeVolumeError: 0.05 };
const missed = {
  hd95: Number.POSITIVE_INFINITY,
  assd: Number.POSITIVE_INFINITY,
  nsd: 0,
  volumeErrorMl: -1,
  relativeVolumeError: -1,
};
const nowhere = {
  hd95: Number.NaN,
  assd: Number.NaN,
  nsd: Number.NaN,
  volumeErrorMl: Number.NaN,
  relativeVolumeError: Number.NaN,
};
const withSurfaces = {
  ...summary,
  surfaceToleranceMm: 1.5,
  cases: [
    { ...summary.cases[0]!, surfaces: { "1": found, "2": nowhere, "3": nowhere } },
    { ...summary.cases[1]!, surfaces: { "1": { ...found, hd95: 4 }, "2": missed, "3": nowhere } },
  ],
};

test("surfaces stand beside the counts of each case and label, and come back from the file", () => {
  const json = summaryToJson(withSurfaces) as {
    surfaces: { mean: Record<string, Record<string, unknown>> };
    metric_per_case: { metrics: unknown }[];
  };
  expect(json.metric_per_case[1]!.metrics).toMatchObject({
    "1": { Dice: 1, HD95_mm: 4, ASSD_mm: 0.5, NSD: 0.9, volume_error_ml: 0.1, volume_error_relative: 0.05 },
    "2": { Dice: 0, HD95_mm: null, ASSD_mm: null, NSD: 0, volume_error_ml: -1, volume_error_relative: -1 },
  });
  expect(json.surfaces).toMatchObject({ tolerance_mm: 1.5, empty_cases: expect.stringContaining("missed") });
  expect(json.surfaces.mean["1"]).toMatchObject({ HD95_mm: { mean: 3, cases: 2 }, missed: 0, invented: 0 });
  expect(json.surfaces.mean["2"]).toMatchObject({ HD95_mm: { mean: null, cases: 0 }, NSD: { mean: 0 }, missed: 1 });
  expect(summaryFromText(JSON.stringify(json), "s.json")).toEqual(withSurfaces);
});

test("the table of surfaces says how cases without a label count", () => {
  expect(surfaceTable(summary)).toEqual([]);
  const six = { ...withSurfaces, cases: Array.from({ length: 3 }, () => withSurfaces.cases).flat() };
  expect(surfaceTable(six, labels)[1]).toMatch(
    /^1 a +3\.00 \[2\.\d\d, 3\.\d\d\] +0\.50 \[0\.50, 0\.50\] +0\.900 \[0\.900, 0\.900\]/,
  );
  expect(surfaceTable(withSurfaces, labels)).toEqual([
    "label  HD95 mm  ASSD mm  NSD at 1.5 mm  volume error mL  volume error %  missed  invented",
    "1 a       3.00     0.50          0.900             0.10             5.0       0         0",
    "2 b          –        –          0.000            -1.00          -100.0       1         0",
    "3 c          –        –              –                –               –       0         0",
    `In brackets 95 % intervals. ${emptyCasesPolicy}`,
  ]);
});

test("a remark goes into the file, comes back from it and stands below the table", () => {
  const remarked = { ...summary, remark: "These are training cases." };
  const text = JSON.stringify(summaryToJson(remarked));
  expect(summaryFromText(text, "s.json")).toEqual(remarked);
  expect(summaryTable(remarked, labels).split("\n").at(-2)).toBe("These are training cases.");
  expect(() => summaryFromJson({ metric_per_case: [], remark: 1 }, "s.json")).toThrow(
    "s.json → remark: expected a sentence",
  );
});
