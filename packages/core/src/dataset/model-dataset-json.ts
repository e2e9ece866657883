import { isJsonObject } from "../json/is-json-object.ts";
import type { ModelDataset } from "../artefacts.ts";
import { datasetFromJson } from "./dataset-json.ts";
import { labelCodesToJson } from "./label-codes.ts";

/** Keys of a dataset.json that prediction needs; `modality` is the Decathlon's name of `channel_names`. */
export const modelDatasetKeys: readonly string[] = [
  "channel_names",
  "modality",
  "labels",
  "regions_class_order",
  "label_codes",
  "file_ending",
];

/** The part of a dataset.json that travels with a model, as `dataset.json` keys. */
export function modelDatasetToJson(dataset: ModelDataset): unknown {
  const { channelNames, labels, regionsClassOrder, labelCodes, fileEnding } = dataset;
  return {
    channel_names: Object.fromEntries(channelNames.map((name, i) => [String(i), name])),
    labels,
    ...(regionsClassOrder === undefined ? {} : { regions_class_order: regionsClassOrder }),
    ...(labelCodes === undefined ? {} : { label_codes: labelCodesToJson(labelCodes) }),
    file_ending: fileEnding,
  };
}

/**
 * Reads what {@link modelDatasetToJson} wrote, or a whole dataset.json, as older models carry it; of that, the rest is
 * not looked at.
 *
 * @throws {InvalidArtifactError} as {@link datasetFromJson}
 */
export function modelDatasetFromJson(json: unknown, path: string): ModelDataset {
  if (!isJsonObject(json)) return datasetFromJson(json, path);
  const whole = json as Record<string, unknown>;
  const needed = modelDatasetKeys.flatMap((key) => (Object.hasOwn(whole, key) ? [[key, whole[key]]] : []));
  const { numTraining: _, ...dataset } = datasetFromJson({ ...Object.fromEntries(needed), numTraining: 0 }, path);
  return dataset;
}
