import { svgDocument, svgText } from "@nnunet/core";
import type { EpochRecord } from "./checkpoint.ts";

const width = 720;
const height = 300;
const margin = { left: 56, right: 56, top: 34, bottom: 40 };
const size = 12;
const colours = { training: "#1f77b4", validation: "#d62728", dice: "#2ca02c" };

/** The training's curves as an SVG picture: losses on the left axis, mean patch Dice (nnU-Net's pseudo-Dice) on the right one. */
export function progressChart(history: readonly EpochRecord[], names: readonly string[]): string {
  const losses = history.flatMap((h) => [h.trainLoss, h.validationLoss]);
  const low = Math.floor(Math.min(...losses) * 5) / 5;
  const high = Math.max(Math.ceil(Math.max(...losses) * 5) / 5, low + 0.2);
  const last = Math.max(1, history.length - 1);
  const x = (epoch: number) => margin.left + ((width - margin.left - margin.right) * epoch) / last;
  const y = (share: number) => height - margin.bottom - (height - margin.top - margin.bottom) * share;
  const loss = (value: number) => y((value - low) / (high - low));
  const mean = (h: EpochRecord) => {
    const known = h.pseudoDice.filter((d) => d !== null);
    return known.length ? known.reduce((a, b) => a + b) / known.length : 0;
  };
  const line = (colour: string, at: (h: EpochRecord) => number, dash = "") => {
    const points = history.map((h) => `${x(h.epoch).toFixed(1)},${at(h).toFixed(1)}`);
    const dots = points.map(
      (point) => `<circle cx="${point.split(",")[0]}" cy="${point.split(",")[1]}" r="2.5" fill="${colour}"/>`,
    );
    const stroke = `stroke="${colour}" stroke-width="2"${dash && ` stroke-dasharray="${dash}"`}`;
    // a line of one point is invisible, and one of a thousand needs no dots
    return `<polyline fill="none" ${stroke} points="${points.join(" ")}"/>${history.length <= 30 ? dots.join("") : ""}`;
  };
  const ticks = [0, 0.25, 0.5, 0.75, 1].map(
    (share) =>
      `<line x1="${margin.left}" x2="${width - margin.right}" y1="${y(share)}" y2="${y(share)}" stroke="#ddd"/>` +
      svgText(margin.left - 8, y(share) + 4, (low + (high - low) * share).toFixed(2), { anchor: "end", size }) +
      svgText(width - margin.right + 8, y(share) + 4, share.toFixed(2), { size }),
  );
  const latest = history.at(-1)!;
  const perClass = latest.pseudoDice
    .map((d, i) => `${names[i] ?? `class ${i + 1}`} ${d === null ? "–" : d.toFixed(3)}`)
    .join(", ");
  const below = { anchor: "middle", size } as const;
  const rates = `learning rate ${latest.learningRate.toPrecision(3)}; ${latest.seconds.toFixed(0)} s`;
  return svgDocument("Progress of the training", width, height, [
    svgText(margin.left, 20, "training loss", { size, colour: colours.training }),
    svgText(margin.left + 90, 20, "validation loss", { size, colour: colours.validation }),
    svgText(margin.left + 190, 20, "patch Dice (right axis; dashed: moving average)", { size, colour: colours.dice }),
    ...ticks,
    line(colours.training, (h) => loss(h.trainLoss)),
    line(colours.validation, (h) => loss(h.validationLoss)),
    line(colours.dice, (h) => y(mean(h))),
    line(colours.dice, (h) => y(h.movingPseudoDice), "5 4"),
    svgText(width / 2, height - 22, `epochs 1 – ${latest.epoch + 1}`, below),
    svgText(width / 2, height - 6, `last epoch: ${perClass}; ${rates}`, below),
  ]);
}
