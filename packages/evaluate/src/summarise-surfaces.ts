import type { EvaluationSummary, SurfaceMetrics } from "@nnunet/core";
import { bootstrapInterval, type Interval } from "./bootstrap.ts";

/** Means over cases of one label's surface metrics, with their intervals. */
export interface SurfaceSummary extends Readonly<Record<keyof SurfaceMetrics, Interval>> {
  /** Cases whose reference has the label and whose prediction has not. */
  readonly missed: number;
  /** Cases whose prediction has the label and whose reference has not. */
  readonly invented: number;
}

/** How cases count in which reference or prediction lacks a label; stands wherever the numbers stand. */
export const emptyCasesPolicy =
  "HD95 and ASSD are means over the cases in which reference and prediction both have the label; a label that only one of the two has counts as NSD 0 and is listed as missed or invented; one that neither has counts nowhere.";

/**
 * @returns keyed as the summary's `mean`; empty where no surfaces were compared
 * @example summariseSurfaces(summary)["1"].hd95.mean; // 2.4
 */
export function summariseSurfaces({ cases, mean }: EvaluationSummary): Record<string, SurfaceSummary> {
  if (cases.every(({ surfaces }) => surfaces === undefined)) return {};
  return Object.fromEntries(
    Object.keys(mean).map((key) => {
      const over = (name: keyof SurfaceMetrics) =>
        bootstrapInterval(
          cases.map(({ surfaces }) => {
            const value = surfaces?.[key]?.[name] ?? Number.NaN;
            return Number.isFinite(value) ? value : Number.NaN;
          }),
        );
      const occurs = (where: "referenceVoxels" | "predictedVoxels", other: "referenceVoxels" | "predictedVoxels") =>
        cases.filter(({ metrics }) => metrics[key]![where] > 0 && metrics[key]![other] === 0).length;
      return [
        key,
        {
          hd95: over("hd95"),
          assd: over("assd"),
          nsd: over("nsd"),
          volumeErrorMl: over("volumeErrorMl"),
          relativeVolumeError: over("relativeVolumeError"),
          missed: occurs("referenceVoxels", "predictedVoxels"),
          invented: occurs("predictedVoxels", "referenceVoxels"),
        },
      ];
    }),
  );
}
