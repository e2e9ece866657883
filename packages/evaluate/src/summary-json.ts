import { type EvaluationSummary, InvalidArtifactError, type LabelMetrics, parseJson } from "@nnunet/core";
import { metricNames } from "./summarise.ts";

/** Our names and nnU-Net v2's. */
const jsonNames: Readonly<Record<keyof LabelMetrics, string>> = {
  dice: "Dice",
  iou: "IoU",
  truePositives: "TP",
  falsePositives: "FP",
  falseNegatives: "FN",
  trueNegatives: "TN",
  predictedVoxels: "n_pred",
  referenceVoxels: "n_ref",
};

/**
 * `summary.json` in nnU-Net v2's layout, keys sorted as there.
 *
 * An undefined Dice is written as null. Python writes a bare NaN, which is not JSON and which no other reader
 * accepts; {@link summaryFromText} reads both.
 */
export function summaryToJson(summary: EvaluationSummary): unknown {
  return {
    ...(summary.remark === undefined ? {} : { remark: summary.remark }),
    ...(summary.evaluator === undefined ? {} : { evaluator: summary.evaluator }),
    foreground_mean: metricsToJson(summary.foregroundMean),
    mean: mapValues(summary.mean, metricsToJson),
    metric_per_case: summary.cases.map(({ metrics, predictionFile, referenceFile }) => ({
      metrics: mapValues(metrics, metricsToJson),
      prediction_file: predictionFile,
      reference_file: referenceFile,
    })),
  };
}

/**
 * @param json - a parsed `summary.json`; null (or the string "NaN") stands for an undefined value
 * @param path - named in errors
 * @throws {InvalidArtifactError} naming the field that is missing or no number
 */
export function summaryFromJson(json: unknown, path: string): EvaluationSummary {
  const root = record(json, path, "");
  const perCase = root["metric_per_case"];
  if (!Array.isArray(perCase)) throw new InvalidArtifactError(path, "metric_per_case", "expected a list of cases");
  return {
    ...(root["remark"] === undefined ? {} : { remark: text(root["remark"], path, "remark", "a sentence") }),
    ...(root["evaluator"] === undefined ? {} : { evaluator: text(root["evaluator"], path, "evaluator", "a name") }),
    foregroundMean: metricsFromJson(root["foreground_mean"], path, "foreground_mean"),
    mean: labelsFromJson(root["mean"], path, "mean"),
    cases: perCase.map((entry, i) => {
      const field = `metric_per_case.${i}`;
      const { reference_file, prediction_file, metrics } = record(entry, path, field);
      return {
        referenceFile: text(reference_file, path, `${field}.reference_file`),
        predictionFile: text(prediction_file, path, `${field}.prediction_file`),
        metrics: labelsFromJson(metrics, path, `${field}.metrics`),
      };
    }),
  };
}

/** Reads the text of a `summary.json`, also one that Python wrote with bare NaN in it. */
export function summaryFromText(content: string, path: string): EvaluationSummary {
  const json = parseJson(content, path, { remedy: "evaluate again" });
  return summaryFromJson(json, path);
}

function metricsToJson(metrics: LabelMetrics): Record<string, number | null> {
  const entries = metricNames.map((name) => [jsonNames[name], Number.isNaN(metrics[name]) ? null : metrics[name]]);
  return Object.fromEntries(entries.sort(([a], [b]) => (String(a) < String(b) ? -1 : 1)));
}

function metricsFromJson(json: unknown, path: string, field: string): LabelMetrics {
  const values = record(json, path, field);
  const entries = metricNames.map((name) => {
    const value = values[jsonNames[name]];
    if (value === null || value === "NaN") return [name, Number.NaN];
    if (typeof value !== "number") {
      throw new InvalidArtifactError(path, `${field}.${jsonNames[name]}`, "expected a number or null; evaluate again");
    }
    return [name, value];
  });
  return Object.fromEntries(entries) as Record<keyof LabelMetrics, number>;
}

function labelsFromJson(json: unknown, path: string, field: string): Record<string, LabelMetrics> {
  return mapValues(record(json, path, field), (value, key) => metricsFromJson(value, path, `${field}.${key}`));
}

function record(json: unknown, path: string, field: string): Record<string, unknown> {
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw new InvalidArtifactError(path, field, "expected an object; is this a summary.json?");
  }
  return json as Record<string, unknown>;
}

function text(json: unknown, path: string, field: string, what = "a file name"): string {
  if (typeof json !== "string") throw new InvalidArtifactError(path, field, `expected ${what}`);
  return json;
}

function mapValues<A, B>(from: Readonly<Record<string, A>>, f: (value: A, key: string) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(from).map(([key, value]) => [key, f(value, key)]));
}
