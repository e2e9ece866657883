import { describe, expect, test } from "@jest/globals";
import { datasetFromJson, datasetToJson, labelSet, modelDatasetFromJson, modelDatasetToJson } from "@nnunet/core";

const v2 = {
  channel_names: { "0": "T1", "1": "T2" },
  labels: { background: 0, whole: [1, 2], core: 2, ignore: 3 },
  regions_class_order: [1, 2],
  numTraining: 4,
  file_ending: ".nii.gz",
  licence: "CC0",
};
const msd = {
  name: "Hippocampus",
  modality: { "0": "MRI" },
  labels: { "0": "Background", "1": "Anterior", "2": "Posterior" },
  numTraining: 2,
  training: [{ image: "./imagesTr/a.nii.gz", label: "./labelsTr/a.nii.gz" }],
};
const without = (key: string) => Object.fromEntries(Object.entries(v2).filter(([k]) => k !== key));

describe("datasetFromJson", () => {
  test("reads nnU-Net v2's form and writes it back", () => {
    const dataset = datasetFromJson(v2, "dataset.json");
    expect(dataset).toEqual({
      channelNames: ["T1", "T2"],
      labels: { background: 0, whole: [1, 2], core: 2, ignore: 3 },
      regionsClassOrder: [1, 2],
      numTraining: 4,
      fileEnding: ".nii.gz",
      other: { licence: "CC0" },
    });
    expect(datasetToJson(dataset)).toEqual(v2);
    expect(labelSet(dataset).allowed).toEqual([0, 1, 2, 3]);
  });

  test("reads the Decathlon's form: modality, labels by id, no file ending", () => {
    const dataset = datasetFromJson(msd, "dataset.json");
    expect(dataset.channelNames).toEqual(["MRI"]);
    expect(dataset.labels).toEqual({ background: 0, Anterior: 1, Posterior: 2 });
    expect(dataset.fileEnding).toBe(".nii.gz");
    expect(datasetFromJson(datasetToJson(dataset), "again")).toEqual(dataset);
  });

  test("keeps explicit case files", () => {
    const cases = { a: { images: ["../x/a.nii.gz"], label: "a_seg.nii.gz" }, b: { images: ["b.nii.gz"] } };
    expect(datasetFromJson({ ...v2, dataset: cases }, "p").dataset).toEqual(cases);
  });

  test.each([
    [without("numTraining"), 'p → numTraining: this key is missing; add it, for example "numTraining": 20'],
    [without("file_ending"), 'p → file_ending: this key is missing; add it, for example "file_ending": ".nii.gz"'],
    [
      without("labels"),
      'p → labels: this key is missing; add it, for example "labels": { "background": 0, "tumour": 1 }',
    ],
    [
      without("channel_names"),
      'p → channel_names: this key is missing; add it, for example "channel_names": { "0": "CT" }',
    ],
    [{ ...v2, numTraining: -1 }, "p → numTraining: expected a whole number of at least 0, got -1"],
    ...[-1, 1.5, 2 ** 53, "2", [], null].map((id): [object, string] => [
      { ...v2, labels: { background: 0, a: id } },
      `p → labels.a: expected a whole number from 0 to 32767, or for a region a list of them, got ${id === null ? "null" : Array.isArray(id) ? "[]" : JSON.stringify(id)}`,
    ]),
    [
      { ...v2, channel_names: { "0": "T1", "2": "T2" } },
      'p → channel_names: expected the keys "0", "1", … in a row, "1" is missing',
    ],
    [{ ...v2, labels: { tumour: 1 } }, 'p → labels: there is no "background"; add "background": 0'],
    [{ ...v2, labels: { background: 1, x: 0 } }, "p → labels.background: expected 0, got 1"],
    [{ ...v2, labels: { background: 0, a: 1, b: 1 } }, 'p → labels.b: the id 1 already belongs to "a"'],
    [
      { ...v2, labels: { background: 0, ignore: 1, a: 2 } },
      "p → labels.ignore: expected one id higher than every other label, got 1",
    ],
    [
      without("regions_class_order"),
      "p → regions_class_order: this key is missing; labels with several ids need the label to write for each region",
    ],
    [{ ...v2, regions_class_order: [1] }, "p → regions_class_order: expected one label per region (2), got 1"],
    [{ ...v2, file_ending: "nii" }, 'p → file_ending: expected an ending with its dot, such as .nii.gz, got "nii"'],
    [[1], "p: expected an object with channel_names, labels, numTraining and file_ending, got [1]"],
  ])("a wrong dataset.json is refused by field, with what was expected (%#)", (json, message) => {
    expect(() => datasetFromJson(json, "p")).toThrow(new Error(message));
  });
});

test.each<[string, object, string]>([
  [
    "a region of a million ids",
    { labels: { background: 0, a: Array.from({ length: 1e6 }, (_, i) => i % 30_000) }, regions_class_order: [1] },
    "labels.a: expected at most 100000 entries",
  ],
  [
    "a region that repeats an id",
    { labels: { background: 0, a: [1, 2, 1] }, regions_class_order: [1] },
    "labels.a: expected each id of a region once",
  ],
  [
    "two thousand channels",
    { channel_names: Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [i, "CT"])) },
    "channel_names: expected at most 1024 channels, got 2000",
  ],
  [
    "five thousand keys of other tools",
    Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`k${i}`, 1])),
    "expected at most 1000 keys that are not ours, got 5000",
  ],
  ["null for the labels of a table", { labels: { background: 0, a: null } }, "labels.a: "],
  ["null for a case", { dataset: { c1: null } }, "dataset.c1: "],
])("refuses by bounds: %s", (_, change, message) => {
  const json = { channel_names: { 0: "CT" }, labels: { background: 0, a: 1 }, numTraining: 1, file_ending: ".png" };
  expect(() => datasetFromJson({ ...json, ...change }, "d.json")).toThrow(message);
});

describe("label_codes", () => {
  const liver = { CodeValue: "10200004", CodingSchemeDesignator: "SCT", CodeMeaning: "Liver" };
  const left = { CodeValue: "7771000", CodingSchemeDesignator: "SCT", CodeMeaning: "Left" };
  const coded = (codes: unknown) => ({ ...v2, label_codes: codes });
  const failure = (codes: unknown) => {
    try {
      datasetFromJson(coded(codes), "p");
      return "no error";
    } catch (error) {
      return (error as Error).message;
    }
  };

  test("are read, written back, and carried by a model", () => {
    const inLiver = { type: left, category: left, anatomic_region: liver, anatomic_region_modifier: left };
    const json = coded({ core: { type: liver, modifier: left }, whole: inLiver });
    const dataset = datasetFromJson(json, "p");
    expect(dataset.labelCodes?.["whole"]?.anatomicRegion).toEqual({
      value: "10200004",
      scheme: "SCT",
      meaning: "Liver",
    });
    expect(dataset.labelCodes?.["core"]).toEqual({
      type: { value: "10200004", scheme: "SCT", meaning: "Liver" },
      modifier: { value: "7771000", scheme: "SCT", meaning: "Left" },
    });
    expect(datasetToJson(dataset)).toEqual(json);
    const carried = modelDatasetFromJson(JSON.parse(JSON.stringify(modelDatasetToJson(dataset))), "model");
    expect(carried.labelCodes).toEqual(dataset.labelCodes);
  });

  test.each([
    [5, "p → label_codes: expected an object of label name → code, got 5"],
    [{ livr: liver }, 'p → label_codes.livr: there is no label of this name, only "whole", "core"'],
    [{ background: liver }, 'p → label_codes.background: there is no label of this name, only "whole", "core"'],
    [
      { core: "10200004" },
      'p → label_codes.core: expected a code such as { "CodeValue": "10200004", "CodingSchemeDesignator": "SCT", "CodeMeaning": "Liver" }, got "10200004"',
    ],
    [
      { core: { ...liver, CodeValue: 10200004 } },
      "p → label_codes.core.CodeValue: expected text of 1 to 16 characters of ASCII in quotation marks, without a backslash, got 10200004",
    ],
    [
      { core: { type: { ...liver, CodeMeaning: "a\\b" } } },
      'p → label_codes.core.type.CodeMeaning: expected text of 1 to 64 characters in quotation marks, without a backslash, got "a\\\\b"',
    ],
    [
      { core: { ...liver, CodeMeaning: undefined } },
      'p → label_codes.core.CodeMeaning: this key is missing; expected a code such as { "CodeValue": "10200004", "CodingSchemeDesignator": "SCT", "CodeMeaning": "Liver" }',
    ],
    [
      { core: { ...liver, Colour: "red" } },
      "p → label_codes.core.Colour: expected CodeValue, CodingSchemeDesignator, CodeMeaning and nothing else",
    ],
    [
      { core: { type: liver, side: left } },
      "p → label_codes.core.side: expected type, category, modifier, anatomic_region, anatomic_region_modifier and nothing else",
    ],
    [
      { core: { type: liver, anatomic_region_modifier: left } },
      "p → label_codes.core.anatomic_region_modifier: expected anatomic_region beside it",
    ],
    [
      { core: { type: liver, anatomic_region: "Liver" } },
      'p → label_codes.core.anatomic_region: expected a code such as { "CodeValue": "10200004", "CodingSchemeDesignator": "SCT", "CodeMeaning": "Liver" }, got "Liver"',
    ],
  ])("that make no sense are refused: %#", (codes, message) => {
    expect(failure(codes)).toBe(message);
  });
});
