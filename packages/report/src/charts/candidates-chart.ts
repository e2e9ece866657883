import { axisX, dot, gridX, link, text } from "@observablehq/plot";
import type { Html } from "../html.ts";
import { configurationName, lineName } from "../names.ts";
import { claim, dice } from "../numbers.ts";
import type { CandidateScore } from "../report-data.ts";
import { below, chart } from "./chart.ts";

/** The mean Dice of each configuration and ensemble, with its interval where the cases are not too few, the chosen one marked. */
export function candidatesChart(
  candidates: readonly CandidateScore[],
  chosen: readonly string[] | undefined,
  fewestToTell: number,
): Html {
  const rows = candidates.flatMap(({ configurations, dice: estimate }) =>
    estimate.mean === null
      ? []
      : [
          {
            name: configurationName(configurations),
            isChosen: chosen !== undefined && configurationName(chosen) === configurationName(configurations),
            mean: estimate.mean,
            low: (estimate.cases < fewestToTell ? null : estimate.low) ?? estimate.mean,
            high: (estimate.cases < fewestToTell ? null : estimate.high) ?? estimate.mean,
            shown: `${dice(estimate.mean)} (${claim(estimate, fewestToTell)})`,
          },
        ],
  );
  const description = `Mean Dice with 95 % interval: ${rows.map(({ name, shown }) => `${name} ${shown}`).join("; ")}.`;
  const [least, most] = [Math.min(...rows.map(({ low }) => low)), Math.max(...rows.map(({ high }) => high))];
  const margin = Math.max(0.01, (most - least) * 0.08);
  return chart(
    `Mean Dice over all labels and cases${rows.some(({ low, high }) => low < high) ? " with its 95 % interval" : ""}; the filled mark is the choice. The axis does not begin at 0.`,
    description,
    ({ isNarrow }) => ({
      height: 44 + rows.length * (isNarrow ? 44 : 36),
      marginLeft: 8,
      marginRight: 12,
      marginTop: 8,
      x: { domain: [Math.max(0, least - margin), Math.min(1, most + margin)] },
      y: { domain: [-0.7, rows.length - 0.4], axis: null, reverse: true },
      marks: [
        axisX({ ticks: isNarrow ? 4 : 7, ...below("mean Dice") }),
        gridX({ ticks: isNarrow ? 4 : 7, strokeOpacity: 0.12 }),
        link(rows, {
          x1: "low",
          x2: "high",
          y1: (_, i) => i,
          y2: (_, i) => i,
          stroke: "var(--series-1)",
          strokeWidth: 2,
        }),
        dot(rows, {
          x: "mean",
          y: (_, i) => i,
          r: 5.5,
          fill: (d) => (d.isChosen ? "var(--series-1)" : "var(--surface)"),
          stroke: "var(--series-1)",
          strokeWidth: 2,
        }),
        ...[true, false].map((isChosen) =>
          text(
            rows.map((row, i) => ({ ...row, i })).filter((row) => row.isChosen === isChosen),
            {
              x: () => Math.max(0, least - margin),
              y: (d) => d.i - 0.45,
              text: (d) => lineName(d.name),
              textAnchor: "start",
              dx: 4,
              fontSize: 12,
              fontWeight: isChosen ? 700 : 400,
              fill: "currentColor",
            },
          ),
        ),
      ],
    }),
  );
}
