import { z } from "zod";
import type { DatasetJson } from "./artefacts.ts";
import { InvalidArtifactError } from "./errors.ts";
import { show } from "./show.ts";

/*
 * dataset.json ⇄ DatasetJson (facts.md §2.10). nnU-Net v2 names labels → ids; the Decathlon and nnU-Net v1 write the
 * table the other way round (`"1": "Anterior"`), call the channels `modality` and leave out `file_ending`.
 */

const labelId = z.int().min(0).max(32767);
const labels = z.record(z.string(), z.union([labelId, z.array(labelId).min(1)]));
const explicitCases = z.record(
  z.string(),
  z.object({ images: z.array(z.string().min(1)).min(1), label: z.string().min(1).optional() }),
);
const known = new Set([
  "name",
  "channel_names",
  "modality",
  "labels",
  "regions_class_order",
  "numTraining",
  "file_ending",
  "dataset",
]);

/**
 * Checks the content of a dataset.json and converts it to code's names.
 *
 * Accepts nnU-Net v2's form and the Decathlon's / nnU-Net v1's (`modality`, labels id → name, file ending `.nii.gz`
 * unless said otherwise).
 *
 * @param json - the parsed file
 * @param path - named in errors only
 * @throws {InvalidArtifactError} naming the first key that is missing or wrong
 * @example datasetFromJson({ channel_names: { 0: "MRI" }, labels: { background: 0, tumour: 1 }, numTraining: 3,
 *   file_ending: ".nii.gz" }, "dataset.json").channelNames; // ["MRI"]
 * @see facts.md §2.10
 */
export function datasetFromJson(json: unknown, path: string): DatasetJson {
  const fail = (field: string, problem: string): never => {
    throw new InvalidArtifactError(path, field, problem);
  };
  const check = <T>(schema: z.ZodType<T>, value: unknown, field: string): T => {
    const result = schema.safeParse(value);
    if (result.success) return result.data;
    const issue = result.error.issues[0]!;
    const where = [field, ...issue.path.map(String)].join(".");
    return fail(where, `${issue.message.replace(/^Invalid input: /, "")}, got ${show(valueAt(value, issue.path))}`);
  };
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    return fail("", `expected an object with channel_names, labels, numTraining and file_ending, got ${show(json)}`);
  }
  const raw = json as Record<string, unknown>;
  const require = (key: string, example: string): unknown =>
    raw[key] ?? fail(key, `this key is missing; add it, for example ${example}`);

  const channelKey = raw["channel_names"] === undefined && raw["modality"] !== undefined ? "modality" : "channel_names";
  const channelTable = check(
    z.record(z.string(), z.string()),
    require(channelKey, `"channel_names": { "0": "CT" }`),
    channelKey,
  );
  const channelNames = Object.keys(channelTable).map((_, i) => {
    return channelTable[String(i)] ?? fail(channelKey, `expected the keys "0", "1", … in a row, "${i}" is missing`);
  });
  if (channelNames.length === 0) fail(channelKey, `expected at least one channel, for example { "0": "CT" }`);

  const rawLabels = require("labels", `"labels": { "background": 0, "tumour": 1 }`);
  const idToName = hasIdToNameLabels(rawLabels);
  const labelTable = check(labels, idToName ? invertLabels(rawLabels, fail) : rawLabels, "labels");
  checkLabels(labelTable, fail);

  const regionsClassOrder =
    raw["regions_class_order"] == null
      ? undefined
      : check(z.array(labelId), raw["regions_class_order"], "regions_class_order");
  checkRegions(labelTable, regionsClassOrder, fail);

  const numTraining = check(z.int().min(0), require("numTraining", `"numTraining": 20`), "numTraining");
  const fileEnding =
    raw["file_ending"] === undefined && idToName
      ? ".nii.gz"
      : check(
          z.string().regex(/^\.[^/\\]+$/, "expected an ending with its dot, such as .nii.gz"),
          require("file_ending", `"file_ending": ".nii.gz"`),
          "file_ending",
        );
  const other = Object.fromEntries(Object.entries(raw).filter(([key]) => !known.has(key)));
  return {
    ...(raw["name"] == null ? {} : { name: check(z.string(), raw["name"], "name") }),
    channelNames,
    labels: labelTable,
    ...(regionsClassOrder ? { regionsClassOrder } : {}),
    numTraining,
    fileEnding,
    ...(raw["dataset"] == null ? {} : { dataset: plainCases(check(explicitCases, raw["dataset"], "dataset")) }),
    ...(Object.keys(other).length > 0 ? { other } : {}),
  };
}

/** The JSON of nnU-Net v2; `datasetFromJson` reads it back to the same value. */
export function datasetToJson(dataset: DatasetJson): unknown {
  return {
    ...(dataset.name === undefined ? {} : { name: dataset.name }),
    channel_names: Object.fromEntries(dataset.channelNames.map((name, i) => [String(i), name])),
    labels: dataset.labels,
    ...(dataset.regionsClassOrder === undefined ? {} : { regions_class_order: dataset.regionsClassOrder }),
    numTraining: dataset.numTraining,
    file_ending: dataset.fileEnding,
    ...(dataset.dataset === undefined ? {} : { dataset: dataset.dataset }),
    ...dataset.other,
  };
}

type Fail = (field: string, problem: string) => never;

function hasIdToNameLabels(value: unknown): value is Record<string, string> {
  if (typeof value !== "object" || value === null) return false;
  const entries = Object.entries(value);
  return entries.length > 0 && entries.every(([key, name]) => /^\d+$/.test(key) && typeof name === "string");
}

function invertLabels(table: Record<string, string>, fail: Fail): Record<string, number> {
  const byName: Record<string, number> = {};
  for (const [id, name] of Object.entries(table)) {
    // The Decathlon's "Background" is v2's "background".
    const key = Number(id) === 0 ? "background" : name;
    if (Object.hasOwn(byName, key))
      fail(`labels.${id}`, `the name ${show(key)} is used twice; give each label its own name`);
    byName[key] = Number(id);
  }
  return byName;
}

function checkLabels(table: Record<string, number | number[]>, fail: Fail): void {
  const background = table["background"];
  if (background === undefined) fail("labels", `there is no "background"; add "background": 0`);
  if (background !== 0 && !(Array.isArray(background) && background.length === 1 && background[0] === 0)) {
    fail("labels.background", `expected 0, got ${show(background)}`);
  }
  const seen = new Map<number, string>();
  for (const [name, value] of Object.entries(table)) {
    if (typeof value !== "number") continue;
    const first = seen.get(value);
    if (first !== undefined) fail(`labels.${name}`, `the id ${value} already belongs to ${show(first)}`);
    seen.set(value, name);
  }
  const ignore = table["ignore"];
  if (ignore === undefined) return;
  const highest = Math.max(...Object.values(table).flat());
  const used = Object.entries(table).some(([name, value]) => name !== "ignore" && [value].flat().includes(highest));
  if (ignore !== highest || used) {
    fail("labels.ignore", `expected one id higher than every other label, got ${show(ignore)}`);
  }
}

function checkRegions(table: Record<string, number | number[]>, order: number[] | undefined, fail: Fail): void {
  const foreground = Object.entries(table).filter(([name]) => name !== "background" && name !== "ignore");
  if (!foreground.some(([, value]) => Array.isArray(value) && value.length > 1)) return;
  if (order === undefined) {
    fail("regions_class_order", "this key is missing; labels with several ids need the label to write for each region");
  } else if (order.length !== foreground.length) {
    fail("regions_class_order", `expected one label per region (${foreground.length}), got ${order.length}`);
  }
}

function plainCases(cases: z.infer<typeof explicitCases>): NonNullable<DatasetJson["dataset"]> {
  return Object.fromEntries(
    Object.entries(cases).map(([id, { images, label }]) => [id, label === undefined ? { images } : { images, label }]),
  );
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let at = value;
  for (const key of path) at = (at as Record<PropertyKey, unknown> | undefined)?.[key];
  return at;
}
