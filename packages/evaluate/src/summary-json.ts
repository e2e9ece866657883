import {
  type EvaluationSummary,
  finiteOrNull,
  InvalidArtifactError,
  isJsonObject,
  type LabelMetrics,
  labelMetrics,
  parseJson,
  type SurfaceMetrics,
} from "@nnunet/core";
import type { Interval } from "./bootstrap.ts";
import { diceIntervals } from "./dice-intervals.ts";
import { emptyCasesPolicy, type SurfaceSummary, summariseSurfaces } from "./summarise-surfaces.ts";

const surfaceNames: Readonly<Record<keyof SurfaceMetrics, string>> = {
  hd95: "HD95_mm",
  assd: "ASSD_mm",
  nsd: "NSD",
  volumeErrorMl: "volume_error_ml",
  relativeVolumeError: "volume_error_relative",
};

/**
 * `summary.json` in nnU-Net v2's layout, keys sorted as there, and beside them ours: the confidence intervals of the mean
 * Dice (`dice_intervals`), and where surfaces were compared their metrics per case and label and their means (`surfaces`).
 *
 * An undefined Dice is null, and so is a distance to a label that only one of the two has; `n_ref` and `n_pred` beside it
 * say which. In the file itself {@link summaryToText} writes NaN instead.
 */
export function summaryToJson(summary: EvaluationSummary): unknown {
  return {
    ...(summary.remark === undefined ? {} : { remark: summary.remark }),
    ...(summary.evaluator === undefined ? {} : { evaluator: summary.evaluator }),
    foreground_mean: metricsToJson(summary.foregroundMean),
    mean: mapValues(summary.mean, metricsToJson),
    ...intervalsToJson(summary),
    ...surfacesToJson(summary),
    metric_per_case: summary.cases.map(({ metrics, surfaces, predictionFile, referenceFile, group }) => ({
      metrics: mapValues(metrics, (label, key) => ({
        ...metricsToJson(label),
        ...(surfaces === undefined ? {} : namedValues(surfaces[key]!, surfaceNames)),
      })),
      prediction_file: predictionFile,
      reference_file: referenceFile,
      ...(group !== undefined && { group }),
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
  const tolerance = (root["surfaces"] as { tolerance_mm?: unknown } | undefined)?.tolerance_mm;
  if (!Array.isArray(perCase)) throw new InvalidArtifactError(path, "metric_per_case", "expected a list of cases");
  return {
    ...(root["remark"] === undefined ? {} : { remark: text(root["remark"], path, "remark", "a sentence") }),
    ...(root["evaluator"] === undefined ? {} : { evaluator: text(root["evaluator"], path, "evaluator", "a name") }),
    foregroundMean: metricsFromJson(root["foreground_mean"], path, "foreground_mean"),
    mean: labelsFromJson(root["mean"], path, "mean"),
    ...(tolerance === undefined ? {} : { surfaceToleranceMm: number(tolerance, path, "surfaces.tolerance_mm") }),
    cases: perCase.map((entry, i) => {
      const field = `metric_per_case.${i}`;
      const { reference_file, prediction_file, metrics, group } = record(entry, path, field);
      return {
        referenceFile: text(reference_file, path, `${field}.reference_file`),
        predictionFile: text(prediction_file, path, `${field}.prediction_file`),
        ...(group === undefined ? {} : { group: text(group, path, `${field}.group`, "a name") }),
        metrics: labelsFromJson(metrics, path, `${field}.metrics`),
        ...(tolerance === undefined ? {} : { surfaces: surfacesFromJson(metrics, path, `${field}.metrics`) }),
      };
    }),
  };
}

/**
 * The text of `summary.json`. What is undefined is a bare NaN, as nnU-Net v2 writes it: it is no JSON, but tools for these
 * files, v2's own among them, are in Python, whose reader knows it, and compute with what they find; null stops them.
 */
export function summaryToText(summary: EvaluationSummary): string {
  // every value ends a line of its own; a text would end it with a quotation mark
  return `${JSON.stringify(summaryToJson(summary), null, 2).replace(/^( *(?:"[^"\n]*": )?)null(,?)$/gm, "$1NaN$2")}\n`;
}

/** Reads the text of a `summary.json`, also one that Python wrote with bare NaN in it. */
export function summaryFromText(content: string, path: string): EvaluationSummary {
  const json = parseJson(content, path, { remedy: "evaluate again" });
  return summaryFromJson(json, path);
}

function metricsToJson(metrics: LabelMetrics): Record<string, number | null> {
  const values = namedValues(metrics, labelMetrics);
  return Object.fromEntries(Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** null for what JSON has no number for: undefined and infinite. */
function namedValues<Key extends string>(
  values: Readonly<Record<Key, number>>,
  names: Readonly<Record<Key, string>>,
): Record<string, number | null> {
  const keys = Object.keys(names) as Key[];
  return Object.fromEntries(keys.map((key) => [names[key], finiteOrNull(values[key])]));
}

const boundsToJson = ({ low, high }: Interval) => [finiteOrNull(low), finiteOrNull(high)];

function intervalsToJson(summary: EvaluationSummary): Record<string, unknown> {
  const { foregroundMean, mean, level } = diceIntervals(summary);
  return {
    dice_intervals: { level, foreground_mean: boundsToJson(foregroundMean), mean: mapValues(mean, boundsToJson) },
  };
}

function surfacesToJson(summary: EvaluationSummary): Record<string, unknown> {
  if (summary.surfaceToleranceMm === undefined) return {};
  const mean = mapValues(summariseSurfaces(summary), ({ missed, invented, ...intervals }: SurfaceSummary) => ({
    ...Object.fromEntries(
      Object.entries(intervals).map(([key, interval]: [string, Interval]) => [
        surfaceNames[key as keyof SurfaceMetrics],
        { mean: finiteOrNull(interval.mean), interval: boundsToJson(interval), cases: interval.cases },
      ]),
    ),
    missed,
    invented,
  }));
  return { surfaces: { tolerance_mm: summary.surfaceToleranceMm, empty_cases: emptyCasesPolicy, mean } };
}

function metricsFromJson(json: unknown, path: string, field: string): LabelMetrics {
  return valuesFromJson(json, path, field, labelMetrics);
}

function valuesFromJson<Key extends string>(
  json: unknown,
  path: string,
  field: string,
  names: Readonly<Record<Key, string>>,
): Record<Key, number> {
  const values = record(json, path, field);
  const entries = (Object.keys(names) as Key[]).map((name) => {
    const value = values[names[name]];
    return [name, value === null || value === "NaN" ? Number.NaN : number(value, path, `${field}.${names[name]}`)];
  });
  return Object.fromEntries(entries) as Record<Key, number>;
}

/** What is null is infinitely far where one of the two has the label, and undefined where neither has. */
function surfacesFromJson(json: unknown, path: string, field: string): Record<string, SurfaceMetrics> {
  return mapValues(record(json, path, field), (entry, key) => {
    const surfaces = valuesFromJson(entry, path, `${field}.${key}`, surfaceNames);
    const { referenceVoxels, predictedVoxels } = metricsFromJson(entry, path, `${field}.${key}`);
    if ((referenceVoxels === 0) === (predictedVoxels === 0)) return surfaces;
    return { ...surfaces, hd95: Number.POSITIVE_INFINITY, assd: Number.POSITIVE_INFINITY };
  });
}

function labelsFromJson(json: unknown, path: string, field: string): Record<string, LabelMetrics> {
  return mapValues(record(json, path, field), (value, key) => metricsFromJson(value, path, `${field}.${key}`));
}

function record(json: unknown, path: string, field: string): Record<string, unknown> {
  if (!isJsonObject(json)) {
    throw new InvalidArtifactError(path, field, "expected an object; is this a summary.json?");
  }
  return json as Record<string, unknown>;
}

function number(json: unknown, path: string, field: string): number {
  if (typeof json !== "number")
    throw new InvalidArtifactError(path, field, "expected a number or null; evaluate again");
  return json;
}

function text(json: unknown, path: string, field: string, what = "a file name"): string {
  if (typeof json !== "string") throw new InvalidArtifactError(path, field, `expected ${what}`);
  return json;
}

function mapValues<A, B>(from: Readonly<Record<string, A>>, f: (value: A, key: string) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(from).map(([key, value]) => [key, f(value, key)]));
}
