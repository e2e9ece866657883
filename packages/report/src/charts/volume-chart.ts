import { dot, gridX, gridY } from "@observablehq/plot";
import { html, type Html } from "../html.ts";
import { dice, short } from "../numbers.ts";
import type { ReportData } from "../report-data.ts";
import { thinned } from "../thinned.ts";
import { below, chart } from "./chart.ts";
import { seriesOf, shapeOf } from "./series.ts";

const mostMarks = 1200;
/** Colours for more cannot be told apart. */
const mostSeries = 6;

/** Dice beside the size of the structure: whether small ones are segmented worse. */
export function volumeChart({ labels, cases }: NonNullable<ReportData["scores"]>): Html | undefined {
  const inMillilitres = cases.every((entry) => entry.labels.every(({ referenceMl }) => referenceMl !== null));
  const all = cases.flatMap((entry) =>
    entry.labels.flatMap(({ dice: score, referenceMl, referenceVoxels }, label) => {
      const size = inMillilitres ? referenceMl! : referenceVoxels;
      return score === null || !(size > 0) ? [] : [{ size, score, label }];
    }),
  );
  const points = thinned(
    all.sort((a, b) => a.score - b.score),
    mostMarks,
  );
  if (points.length < 3) return undefined;
  const unit = inMillilitres ? "mL" : "voxels";
  const sizes = points.map(({ size }) => size);
  const [least, most] = [Math.min(...sizes), Math.max(...sizes)];
  const scores = points.map(({ score }) => score);
  const told = labels.length > 1 && labels.length <= mostSeries;
  const legend = labels.map(
    ({ name }, i) => html`<span class="key"><i style="background:${seriesOf(i)}"></i>${name}</span> `,
  );
  return chart(
    html`Each mark is one label in one case: how large it is in the reference, and how well it was found. ${told && legend}`,
    `Dice against the reference volume, ${short(least)} to ${short(most)} ${unit}; Dice from ${dice(Math.min(...scores))} to ${dice(Math.max(...scores))}.`,
    ({ isNarrow }) => ({
      height: isNarrow ? 260 : 320,
      marginLeft: 42,
      marginRight: 12,
      marginTop: 26,
      x: {
        type: most > 8 * least ? "log" : "linear",
        ...below(`reference volume, ${unit}`),
        ticks: isNarrow ? 4 : 8,
        tickFormat: (value: number) => short(value),
      },
      y: { domain: [0, 1], label: "Dice", labelArrow: "none", ticks: 5 },
      marks: [
        gridX({ strokeOpacity: 0.12, ticks: isNarrow ? 4 : 8 }),
        gridY({ strokeOpacity: 0.12, ticks: 5 }),
        ...labels.map((_, i) =>
          dot(
            points.filter(({ label }) => label === i),
            {
              x: "size",
              y: "score",
              r: 3.5,
              stroke: seriesOf(told ? i : 0),
              symbol: shapeOf(told ? i : 0),
              strokeWidth: 1.5,
            },
          ),
        ),
      ],
    }),
  );
}
