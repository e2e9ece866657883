import { dot, gridX, link, ruleX, text } from "@observablehq/plot";
import { type Html, html } from "../html.ts";
import { lineName } from "../names.ts";
import { dice, interval } from "../numbers.ts";
import type { ReportData } from "../report-data.ts";
import { thinned } from "../thinned.ts";
import { below, chart } from "./chart.ts";

/** Half the height of the band over which the cases of a label are spread, so that equal scores do not hide each other. */
const spread = 0.28;

/** More rows fill more than a screen, more dots hide each other. */
const mostLabels = 8;
const mostDots = 250;

/**
 * Every case's Dice as a dot, one row per label (of many labels the weakest), with the mean.
 *
 * @param fewestToTell - a label in fewer cases has no interval: nothing follows from them for others
 */
export function scoresChart({ labels: all, cases }: NonNullable<ReportData["scores"]>, fewestToTell: number): Html {
  const indexed = all.map((label, index) => ({ ...label, index }));
  const weakest = indexed
    .filter(({ dice: { mean } }) => mean !== null)
    .sort((a, b) => a.dice.mean! - b.dice.mean!)
    .slice(0, mostLabels);
  const labels = all.length > mostLabels ? weakest : indexed;
  const dots = labels.flatMap(({ index }, row) => {
    const known = cases.flatMap((entry) => entry.labels[index]!.dice ?? []).sort((a, b) => a - b);
    return thinned(known, mostDots).map((score, i) => ({ score, y: row + spread * offset(i) }));
  });
  const means = labels.flatMap(({ name, dice: estimate }, row) =>
    estimate.mean === null ? [] : [{ ...estimate, mean: estimate.mean, name, row }],
  );
  const bounded = means.filter(({ low, cases: known }) => low !== null && known >= fewestToTell);
  const description = `Dice of ${cases.length} cases, one row per label. ${means
    .map(({ name, ...estimate }) => `${name}: mean ${dice(estimate.mean)}, 95 % interval ${interval(estimate)}`)
    .join("; ")}.`;
  const rows = Math.max(1, labels.length);
  return chart(
    html`A dot is a case. The bar is the mean${bounded.length > 0 && ", with its 95 % interval: where the mean of other such cases would likely lie"}.
      ${all.length > labels.length && `The ${labels.length} weakest of ${all.length} labels; `}${all.length > labels.length && html`<a href="#scores">all of them</a>.`}`,
    description,
    ({ isNarrow }) => ({
      height: 46 + rows * (isNarrow ? 52 : 44),
      marginLeft: 8,
      marginRight: 12,
      marginTop: 6,
      x: { domain: [0, 1], ...below("Dice"), ticks: isNarrow ? 5 : 10 },
      y: { domain: [-0.62, rows - 0.5], axis: null, reverse: true },
      marks: [
        gridX({ ticks: isNarrow ? 5 : 10, strokeOpacity: 0.12 }),
        ruleX([0, 1], { strokeOpacity: 0.3 }),
        dot(dots, {
          x: "score",
          y: "y",
          r: cases.length > 150 ? 1.8 : 2.6,
          fill: "var(--series-1)",
          fillOpacity: 0.45,
        }),
        link(bounded, {
          x1: "low",
          x2: "high",
          y1: "row",
          y2: "row",
          stroke: "var(--mark)",
          strokeWidth: 5,
          strokeOpacity: 0.9,
        }),
        link(means, {
          x1: "mean",
          x2: "mean",
          y1: (d) => d.row - 0.2,
          y2: (d) => d.row + 0.2,
          stroke: "var(--mark)",
          strokeWidth: 2.5,
        }),
        text(means, {
          x: 0,
          y: (d) => d.row - 0.42,
          text: (d) => `${lineName(d.name)}  ${dice(d.mean)}`,
          textAnchor: "start",
          dx: 4,
          fontSize: 12,
          fontWeight: 600,
          fill: "currentColor",
          stroke: "var(--surface)",
          strokeWidth: 4,
        }),
      ],
    }),
  );
}

/** From −1 to 1, spread evenly and the same every time: the golden ratio's multiples. */
const offset = (i: number) => 2 * ((0.5 + i * 0.618034) % 1) - 1;
