import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { datasetFromJson, fingerprintFromJson, pathSegmentProblem, plansFromJson } from "@nnunet/core";
import { pathBelow } from "@nnunet/core/node";

const hostile: [string, string, string][] = [
  ["empty", "", "expected a name that is not empty"],
  ["a path up", "../victim", "expected a name without / and \\"],
  ["an absolute path", "/etc/passwd", "expected a name without / and \\"],
  ["a path of Windows", "..\\victim", "expected a name without / and \\"],
  ["this folder", ".", "expected a name that is not . or .."],
  ["the folder above", "..", "expected a name that is not . or .."],
  ["a hidden name", ".git", "expected a name that neither begins nor ends with a dot"],
  ["a final dot, which Windows drops", "case.", "expected a name that neither begins nor ends with a dot"],
  ["a NUL", "case\0.txt", "expected a name without control, direction and invisible characters"],
  ["a new line", "case\n1", "expected a name without control, direction and invisible characters"],
  ["an escape", "case\u001b[2J", "expected a name without control, direction and invisible characters"],
  ["an eight-bit control", "case\u009b2J", "expected a name without control, direction and invisible characters"],
  ["a direction mark", "case\u202egpj", "expected a name without control, direction and invisible characters"],
  ["an isolate", "case\u2066x", "expected a name without control, direction and invisible characters"],
  ["an invisible character", "case\u200b", "expected a name without control, direction and invisible characters"],
  ["a line separator", "case\u2028x", "expected a name without control, direction and invisible characters"],
  ["half a character", "case\ud800", "expected a name without control, direction and invisible characters"],
  ["a blank in front", " case", "expected a name without blanks at its ends"],
  ["a blank behind", "case\u00a0", "expected a name without blanks at its ends"],
  ["too long", "x".repeat(161), "expected a name of at most 160 bytes"],
  ["too long in bytes", "é".repeat(81), "expected a name of at most 160 bytes"],
  ["a device of Windows", "NUL", "expected a name that is no device of Windows"],
  ["a device with an ending", "com1.nii", "expected a name that is no device of Windows"],
  ["a reserved name", "__proto__", "expected another name, because this one is reserved by JavaScript"],
  ["another", "constructor", "expected another name, because this one is reserved by JavaScript"],
  ["a third", "prototype", "expected another name, because this one is reserved by JavaScript"],
];

test.each(hostile)("%s is no name of a file", (_, name, problem) => {
  expect(pathSegmentProblem(name)).toContain(problem);
});

test.each([
  "liver_3",
  "BRATS_001",
  "Patient 12 (left)",
  "1.3.6.1.4.1.14519.5.2.1",
  "Fälle-2024-06-30T12:30",
  "病例",
  "می‌خواهم",
  "console",
  "a..b",
  "x".repeat(160),
])("%s is", (name) => {
  expect(pathSegmentProblem(name)).toBeUndefined();
});

const dataset = { channel_names: { 0: "CT" }, labels: { background: 0, a: 1 }, numTraining: 1, file_ending: ".nii.gz" };

test.each(hostile)("dataset.json: %s is no case id", (_, name, problem) => {
  const cases = JSON.parse(`{ ${JSON.stringify(name)}: { "images": ["a.nii.gz"], "label": "b.nii.gz" } }`);
  expect(() => datasetFromJson({ ...dataset, dataset: cases }, "d.json")).toThrow(problem);
});

test.each(["__proto__", "constructor", "prototype"])("dataset.json: %s is no label and no channel", (name) => {
  const labels = JSON.parse(`{ "background": 0, "${name}": 1 }`);
  expect(() => datasetFromJson({ ...dataset, labels }, "d.json")).toThrow(
    `d.json → labels: expected another name, because this one is reserved by JavaScript, got "${name}"`,
  );
  const inverted = { 0: "background", 1: name };
  expect(() => datasetFromJson({ ...dataset, labels: inverted }, "d.json")).toThrow("reserved by JavaScript");
});

test.each(["nii.gz", "./x", ".nii/../..", ".", "..", ".nii\n", ".nii ", ".\u202e", `.${"x".repeat(40)}`])(
  "dataset.json: %j is no file ending",
  (file_ending) => {
    expect(() => datasetFromJson({ ...dataset, file_ending }, "d.json")).toThrow(
      "d.json → file_ending: expected an ending with its dot, such as .nii.gz, got",
    );
  },
);

// biome-ignore lint/suspicious/noExplicitAny: JSON that is then spoilt
const plans = (): any => {
  const all = JSON.parse(
    readFileSync(join(import.meta.dirname, "../../../test-data/golden/v2_default_plans_fulljson.json"), "utf8"),
  );
  return all[Object.keys(all)[0]!];
};

test.each(hostile)("plans.json: %s names no plan, no data, no configuration, no earlier stage", (_, name, problem) => {
  const spoilt: [string, (json: ReturnType<typeof plans>) => void][] = [
    ["dataset_name", (json) => (json.dataset_name = name)],
    ["plans_name", (json) => (json.plans_name = name)],
    ["data_identifier", (json) => (json.configurations["2d"].data_identifier = name)],
    ["previous_stage", (json) => (json.configurations["2d"].previous_stage = name)],
    ["next_stage", (json) => (json.configurations["2d"].next_stage = name)],
    [
      "configurations",
      (json) =>
        Object.defineProperty(json.configurations, name, { value: json.configurations["2d"], enumerable: true }),
    ],
  ];
  for (const [field, spoil] of spoilt) {
    const json = plans();
    spoil(json);
    let message = "";
    try {
      plansFromJson(json, "plans.json");
    } catch (error) {
      message = (error as Error).message;
    }
    expect(message).toContain(field);
    expect(message).toContain(problem);
  }
});

test("dataset_fingerprint.json: a path is no case id", () => {
  const json = {
    case_ids: ["../x"],
    spacings: [[1, 1, 1]],
    shapes_after_crop: [[2, 2, 2]],
    foreground_intensity_properties_per_channel: {},
    median_relative_size_after_cropping: 1,
  };
  expect(() => fingerprintFromJson(json, "f.json")).toThrow("f.json → case_ids[0]: expected a name without / and \\");
});

test("a path is made of names, each one step below its root", () => {
  const root = mkdtempSync(join(tmpdir(), "below-"));
  expect(pathBelow(root, "Dataset004_Hippocampus", "fold_0")).toBe(join(root, "Dataset004_Hippocampus", "fold_0"));
  for (const name of ["", ".", "..", "../x", "a/b", "/etc", "a\\b", "a\0b", "x/", "a/../b"]) {
    expect(() => pathBelow(root, "inside", name)).toThrow(
      `${root}: ${JSON.stringify(name)} is not the name of one file or folder in it; nothing is read or written there`,
    );
  }
  expect(() => pathBelow(root, `${"x".repeat(250)}.nii.gz`)).toThrow("is longer than 255 bytes; choose shorter names");
});
