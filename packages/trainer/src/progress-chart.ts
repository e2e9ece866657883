import { printableXml } from "@nnunet/core";
import type { EpochRecord } from "./checkpoint.ts";

const width = 720;
const height = 300;
const margin = { left: 56, right: 56, top: 34, bottom: 40 };

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
      `<text x="${margin.left - 8}" y="${y(share) + 4}" text-anchor="end">${(low + (high - low) * share).toFixed(2)}</text>` +
      `<text x="${width - margin.right + 8}" y="${y(share) + 4}">${share.toFixed(2)}</text>`,
  );
  const latest = history.at(-1)!;
  const perClass = latest.pseudoDice
    .map((d, i) => `${printableXml(names[i] ?? `class ${i + 1}`)} ${d === null ? "–" : d.toFixed(3)}`)
    .join(", ");
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12" fill="#333">
<rect width="${width}" height="${height}" fill="#fff"/>
<text x="${margin.left}" y="20"><tspan fill="#1f77b4">training loss</tspan>  <tspan fill="#d62728">validation loss</tspan>  <tspan fill="#2ca02c">patch Dice (right axis; dashed: moving average)</tspan></text>
${ticks.join("\n")}
${line("#1f77b4", (h) => loss(h.trainLoss))}
${line("#d62728", (h) => loss(h.validationLoss))}
${line("#2ca02c", (h) => y(mean(h)))}
${line("#2ca02c", (h) => y(h.movingPseudoDice), "5 4")}
<text x="${width / 2}" y="${height - 22}" text-anchor="middle">epochs 1 – ${latest.epoch + 1}</text>
<text x="${width / 2}" y="${height - 6}" text-anchor="middle">last epoch: ${perClass}; learning rate ${latest.learningRate.toPrecision(3)}; ${latest.seconds.toFixed(0)} s</text>
</svg>
`;
}
