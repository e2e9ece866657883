import { counted, printableXml, svgDocument, svgText } from "@nnunet/core";
import type { ComparedProperty } from "./compared-properties.ts";

const row = 34;
const left = 220;
const plot = 440;
const top = 62;
const legendGap = 40;
/** Okabe and Ito's colours, which colour-blind people can tell apart; used again with another shape after eight. */
const colours = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#b8a800"];

/** Dots on one line per property: each dataset at its z-score, as in the paper's Figure 5. */
export function drawComparison(
  names: readonly string[],
  compared: readonly ComparedProperty[],
  modalities: readonly string[],
): string {
  const limit = Math.max(
    2,
    Math.ceil(Math.max(...compared.flatMap(({ zScores }) => zScores.map((z) => Math.abs(z ?? 0))))),
  );
  const x = (z: number) => left + plot / 2 + (z / limit) * (plot / 2);
  const bottom = top + compared.length * row;
  const height = Math.max(bottom + 40, top + names.length * 20 + 20);
  const width = left + plot + legendGap + 300;
  const parts: string[] = [];
  for (let z = -limit; z <= limit; z++) {
    parts.push(
      `<line x1="${x(z)}" y1="${top - 6}" x2="${x(z)}" y2="${bottom}" stroke="${z === 0 ? "#888888" : "#e4e4e4"}"/>`,
    );
    parts.push(svgText(x(z), bottom + 16, String(z), { anchor: "middle" }));
  }
  const below = "standard deviations from the mean of these datasets";
  parts.push(svgText(left + plot / 2, bottom + 32, below, { anchor: "middle" }));
  for (const [i, { property, zScores, values }] of compared.entries()) {
    const middle = top + i * row + row / 2;
    // a small step down per dataset, so that equal values do not hide each other
    const step = Math.min(3, 18 / names.length);
    parts.push(svgText(left - 12, middle + 4, property, { anchor: "end" }));
    for (const [dataset, z] of zScores.entries()) {
      if (z === undefined) continue;
      const title = `${names[dataset]}: ${Number(values[dataset]!.toPrecision(4))}`;
      parts.push(mark(dataset, x(z), middle + (dataset - (names.length - 1) / 2) * step, title));
    }
  }
  for (const [i, name] of names.entries()) {
    const y = top + i * 20 + 6;
    parts.push(
      mark(i, left + plot + legendGap, y, name),
      svgText(left + plot + legendGap + 14, y + 4, `${shortened(name)} (${modalities[i]})`),
    );
  }
  const heading = `Fingerprints of ${counted(names.length, "dataset")}`;
  return svgDocument(heading, width, height, [svgText(16, 28, heading, { size: 16, bold: true }), ...parts]);
}

/** The end of a long name: of a path, what tells it from its neighbours. */
function shortened(name: string): string {
  return name.length > 30 ? `…${name.slice(-29)}` : name;
}

/** A dot, square or diamond: the shape changes after each round through the colours. */
function mark(dataset: number, x: number, y: number, title: string): string {
  const colour = colours[dataset % colours.length];
  const shape = Math.floor(dataset / colours.length) % 3;
  const inner = `<title>${printableXml(title)}</title>`;
  if (shape === 0) return `<circle cx="${x}" cy="${y}" r="5" fill="${colour}" fill-opacity="0.8">${inner}</circle>`;
  const turn = shape === 2 ? ` transform="rotate(45 ${x} ${y})"` : "";
  return `<rect x="${x - 4.5}" y="${y - 4.5}" width="9" height="9" fill="${colour}" fill-opacity="0.8"${turn}>${inner}</rect>`;
}
