import { type Fingerprint, shownIntensities } from "@nnunet/core";
import { barX, dot, gridX, link, text } from "@observablehq/plot";
import type { Html } from "../html.ts";
import { chartName } from "../names.ts";
import { percent, quantile, short } from "../numbers.ts";
import { thinned } from "../thinned.ts";
import { below, chart } from "./chart.ts";

/** In the order of the arrays, slowest first; an image's axes are called the other way round. */
const axes = ["z", "y", "x"] as const;
const spread = 0.3;
const mostDots = 400;
/** Of many labels the smallest are shown. */
const mostLabels = 20;

/** One property of every case per axis, as dots on a row, with the median. */
function axisChart(
  all: readonly (readonly number[])[],
  { label, unit, caption }: { readonly label: string; readonly unit: string; readonly caption: string },
): Html {
  const rows = [...axes].reverse();
  const values = thinned(all, mostDots);
  const dots = values.flatMap((value, i) =>
    axes.map((axis, k) => ({
      value: value[k]!,
      y: rows.indexOf(axis) + spread * (2 * ((0.5 + i * 0.618034) % 1) - 1),
    })),
  );
  const medians = rows.map((axis, row) => ({
    row,
    axis,
    median: quantile(
      values.map((value) => value[axes.indexOf(axis)]!),
      0.5,
    )!,
  }));
  const shown = dots.map(({ value }) => value);
  const [least, most] = [Math.min(...shown), Math.max(...shown)];
  const described = medians.map(({ axis, median }) => `${axis} ${short(median)}`).join(", ");
  return chart(
    caption,
    `${label} of ${all.length} cases along x, y and z, ${unit}: medians ${described}; from ${short(least)} to ${short(most)}.`,
    ({ isNarrow }) => ({
      height: 170,
      marginLeft: 74,
      marginRight: 14,
      marginTop: 6,
      x: {
        ...below(`${label}, ${unit}`),
        type: most > 8 * least ? "log" : "linear",
        domain: most > least ? [least, most] : [least * 0.9, least * 1.1],
        nice: true,
        ticks: isNarrow ? 3 : 6,
        tickFormat: (value: number) => short(value),
      },
      y: { domain: [-0.5, 2.5], axis: null, reverse: true },
      marks: [
        gridX({ strokeOpacity: 0.12, ticks: isNarrow ? 3 : 6 }),
        dot(dots, { x: "value", y: "y", r: 2.4, fill: "var(--series-1)", fillOpacity: 0.45 }),
        link(medians, {
          x1: "median",
          x2: "median",
          y1: (d) => d.row - 0.36,
          y2: (d) => d.row + 0.36,
          stroke: "var(--mark)",
          strokeWidth: 2.5,
        }),
        text(medians, {
          frameAnchor: "left",
          y: "row",
          dx: -66,
          textAnchor: "start",
          text: (d) => `${d.axis}  ${short(d.median)}`,
          fontSize: 12,
          fill: "currentColor",
        }),
      ],
    }),
  );
}

export const spacingChart = ({ spacings }: Fingerprint): Html =>
  axisChart(spacings, {
    label: "voxel spacing",
    unit: "mm",
    caption: "How large the voxels are, one dot per case; the bar and the number are the median.",
  });

export const shapeChart = ({ shapesBeforeCrop, shapesAfterCrop }: Fingerprint): Html =>
  axisChart(shapesBeforeCrop ?? shapesAfterCrop, {
    label: "image size",
    unit: "voxels",
    caption: "How many voxels the images have, one dot per case; the bar and the number are the median.",
  });

/** How large a share of all voxels each label has. */
export function classRatioChart(
  { classRatios }: Fingerprint,
  labels: readonly { readonly key: string; readonly name: string }[],
): Html | undefined {
  const named = new Map(labels.map(({ key, name }) => [key, name]));
  const rows = Object.entries(classRatios ?? {})
    .filter(([id, ratio]) => id !== "0" && ratio > 0)
    .map(([id, ratio]) => ({ name: named.get(id) ?? `label ${id}`, ratio }))
    .sort((a, b) => a.ratio - b.ratio)
    .slice(0, mostLabels);
  if (rows.length === 0) return undefined;
  return chart(
    "How much of the images each label fills. Few voxels make a label hard to learn.",
    `Share of all voxels: ${rows.map(({ name, ratio }) => `${name} ${percent(ratio)}`).join("; ")}.`,
    ({ isNarrow }) => ({
      height: 44 + rows.length * 30,
      marginLeft: isNarrow ? 110 : 200,
      marginRight: 56,
      marginTop: 4,
      x: { ...below("share of voxels, %"), ticks: isNarrow ? 3 : 6 },
      y: { label: null, domain: rows.map((_, i) => i), tickFormat: (i: number) => chartName(rows[i]!.name, isNarrow) },
      marks: [
        gridX({ strokeOpacity: 0.12, ticks: isNarrow ? 3 : 6 }),
        barX(rows, { x: (d) => 100 * d.ratio, y: (_, i) => i, fill: "var(--series-1)", insetTop: 4, insetBottom: 4 }),
        text(rows, {
          x: (d) => 100 * d.ratio,
          y: (_, i) => i,
          text: (d) => percent(d.ratio),
          textAnchor: "start",
          dx: 5,
          fill: "currentColor",
        }),
      ],
    }),
  );
}

/** Foreground intensities per channel: range, the middle 99 %, mean. */
export function intensityChart(fingerprint: Fingerprint, channels: readonly string[]): Html[] {
  return shownIntensities(fingerprint).map((channel, i) => {
    const name = channels[i] ?? `channel ${i}`;
    const { min, max, percentile005, percentile995, mean, std } = channel;
    const row = [{ min, max, percentile005, percentile995, mean, low: mean - std, high: mean + std }];
    return chart(
      "Thin line: all values; bar: the middle 99 %; mark: the mean.",
      `Intensities inside the labels, ${name}: ${short(min)} to ${short(max)}, 99 % of them from ${short(percentile005)} to ${short(percentile995)}, mean ${short(mean)}, standard deviation ${short(std)}.`,
      ({ isNarrow }) => ({
        height: 84,
        marginLeft: 14,
        marginRight: 14,
        marginTop: 10,
        x: {
          ...below(chartName(`${name}, inside the labels`, false)),
          nice: true,
          ticks: isNarrow ? 4 : 8,
        },
        y: { domain: [-1, 1], axis: null },
        marks: [
          gridX({ strokeOpacity: 0.12, ticks: isNarrow ? 4 : 8 }),
          link(row, { x1: "min", x2: "max", y1: 0, y2: 0, stroke: "var(--series-1)", strokeWidth: 1.5 }),
          link(row, {
            x1: "percentile005",
            x2: "percentile995",
            y1: 0,
            y2: 0,
            stroke: "var(--series-1)",
            strokeWidth: 9,
            strokeOpacity: 0.7,
          }),
          link(row, { x1: "mean", x2: "mean", y1: -0.7, y2: 0.7, stroke: "var(--mark)", strokeWidth: 2.5 }),
        ],
      }),
    );
  });
}
