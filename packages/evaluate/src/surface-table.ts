import type { EvaluationSummary, LabelSet } from "@nnunet/core";
import { alignedTable } from "./aligned-table.ts";
import type { Interval } from "./bootstrap.ts";
import { labelTitles } from "./label-titles.ts";
import { emptyCasesPolicy, type SurfaceSummary, summariseSurfaces } from "./summarise-surfaces.ts";

/**
 * The surface metrics of a summary as lines for the terminal: per label the means with their 95 % intervals, and the policy
 * for cases without the label; none where no surfaces were compared.
 *
 * @param labels - as of `summaryTable`
 * @example
 * surfaceTable(summary, labelSet(dataset));
 * // label                 HD95 mm            ASSD mm           NSD at 1 mm  volume error mL  …  missed  invented
 * // 1 anterior  1.41 [1.20, 1.93]  0.45 [0.39, 0.52]  0.97 [0.962, 0.981]            -0.03  …       0         0
 */
export function surfaceTable(summary: EvaluationSummary, labels?: LabelSet | readonly string[]): string[] {
  if (summary.surfaceToleranceMm === undefined) return [];
  const surfaces = summariseSurfaces(summary);
  const header = [
    "label",
    "HD95 mm",
    "ASSD mm",
    `NSD at ${summary.surfaceToleranceMm} mm`,
    "volume error mL",
    "volume error %",
    "missed",
    "invented",
  ];
  const rows = labelTitles(summary, labels).map(({ key, title }) => {
    const { hd95, assd, nsd, volumeErrorMl, relativeVolumeError, missed, invented }: SurfaceSummary = surfaces[key]!;
    return [
      title,
      withInterval(hd95, 2),
      withInterval(assd, 2),
      withInterval(nsd, 3),
      Number.isNaN(volumeErrorMl.mean) ? "–" : volumeErrorMl.mean.toFixed(2),
      withInterval(percent(relativeVolumeError), 1),
      String(missed),
      String(invented),
    ];
  });
  return [...alignedTable(header, rows), `In brackets 95 % intervals. ${emptyCasesPolicy}`];
}

const percent = ({ mean, low, high, cases }: Interval): Interval => ({
  mean: 100 * mean,
  low: 100 * low,
  high: 100 * high,
  cases,
});

function withInterval({ mean, low, high }: Interval, digits: number): string {
  if (Number.isNaN(mean)) return "–";
  if (Number.isNaN(low)) return mean.toFixed(digits);
  return `${mean.toFixed(digits)} [${low.toFixed(digits)}, ${high.toFixed(digits)}]`;
}
