import { isJsonObject } from "../json/is-json-object.ts";
import { z } from "zod";
import { mostChannels, mostOtherKeys } from "../json/artefact-bounds.ts";
import type { DatasetJson } from "../artefacts.ts";
import { InvalidArtifactError } from "../errors.ts";
import { atMost, checkKeys, checkLabels, checkRegions, hasIdToNameLabels, invertLabels } from "./dataset-labels.ts";
import { shortName } from "../json/parse-artifact.ts";
import { parseByParts } from "../json/parse-by-parts.ts";
import { labelCodesFromJson, labelCodesToJson } from "./label-codes.ts";
import { fileEndingProblem, pathSegmentProblem } from "../path-segment.ts";
import { show } from "../text/show.ts";

/*
 * dataset.json ⇄ DatasetJson (docs/method.md §2.10). nnU-Net v2 names labels → ids; the Decathlon and nnU-Net v1 write
 * the table the other way round (`"1": "Anterior"`), call the channels `modality` and leave out `file_ending`.
 */

const wrongId = "expected a whole number from 0 to 32767, or for a region a list of them";
const labelId = z.int(wrongId).min(0, wrongId).max(32767, wrongId);
const labels = z.record(z.string(), z.union([labelId, z.array(labelId).min(1, wrongId)], wrongId));
const count = "expected a whole number of at least 0";
const explicitCases = z.record(
  z.string(),
  z.object({ images: z.array(z.string().min(1)).min(1), label: z.string().min(1).optional() }),
);
const fileEnding = z.string().superRefine((ending, context) => {
  const message = fileEndingProblem(ending);
  if (message !== undefined) context.addIssue({ code: "custom", message });
});
const known = new Set([
  "name",
  "channel_names",
  "modality",
  "labels",
  "regions_class_order",
  "label_codes",
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
 * @see docs/method.md §2.10
 */
export function datasetFromJson(json: unknown, path: string): DatasetJson {
  const fail = (field: string, problem: string): never => {
    throw new InvalidArtifactError(path, field, problem);
  };
  const check = <T>(schema: z.ZodType<T>, value: unknown, field: string): T => {
    checkKeys(value, field, fail);
    const { data, issue } = parseByParts(schema, value);
    if (!issue) return data;
    const where = [field, ...issue.path.map((key) => shortName(String(key)))].join(".");
    return fail(where, `${issue.message.replace(/^Invalid input: /, "")}, got ${show(valueAt(value, issue.path))}`);
  };
  if (!isJsonObject(json)) {
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
  atMost(channelNames.length, mostChannels, "channels", channelKey, fail);
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

  const labelCodes = raw["label_codes"] == null ? undefined : labelCodesFromJson(raw["label_codes"], labelTable, fail);

  const numTraining = check(z.int(count).min(0, count), require("numTraining", `"numTraining": 20`), "numTraining");
  const ending =
    raw["file_ending"] === undefined && idToName
      ? ".nii.gz"
      : check(fileEnding, require("file_ending", `"file_ending": ".nii.gz"`), "file_ending");
  const other = Object.fromEntries(Object.entries(raw).filter(([key]) => !known.has(key)));
  atMost(Object.keys(other).length, mostOtherKeys, "keys that are not ours", "", fail);
  const cases = raw["dataset"] == null ? undefined : check(explicitCases, raw["dataset"], "dataset");
  for (const [id, { images }] of Object.entries(cases ?? {})) {
    const problem = pathSegmentProblem(id);
    if (problem !== undefined) fail("dataset", `${problem}, got ${show(id)}`);
    atMost(images.length, mostChannels, "images of a case", `dataset.${id}.images`, fail);
  }
  return {
    ...(raw["name"] == null ? {} : { name: check(z.string(), raw["name"], "name") }),
    channelNames,
    labels: labelTable,
    ...(regionsClassOrder ? { regionsClassOrder } : {}),
    ...(labelCodes ? { labelCodes } : {}),
    numTraining,
    fileEnding: ending,
    ...(cases ? { dataset: plainCases(cases) } : {}),
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
    ...(dataset.labelCodes === undefined ? {} : { label_codes: labelCodesToJson(dataset.labelCodes) }),
    numTraining: dataset.numTraining,
    file_ending: dataset.fileEnding,
    ...(dataset.dataset === undefined ? {} : { dataset: dataset.dataset }),
    ...dataset.other,
  };
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
