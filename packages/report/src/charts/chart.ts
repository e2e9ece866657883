import { plot, type PlotOptions } from "@observablehq/plot";
import { parseHTML } from "linkedom";
import { type Html, html, trusted } from "../html.ts";

/** Pixels: for a desk and for paper, and for a telephone, where the wide chart would shrink beyond reading. */
const widths = { wide: 680, narrow: 340 } as const;

interface Drawing {
  setAttribute(name: string, value: string): void;
  readonly outerHTML: string;
}

export interface ChartWidth {
  readonly width: number;
  readonly isNarrow: boolean;
}

/** The name of the lower axis, below its numbers. */
export const below = (label: string) =>
  ({ label, labelAnchor: "center", labelArrow: "none", labelOffset: 34 }) as const;

/**
 * A chart as a figure: drawn for wide and for narrow screens, of which the style sheet shows one.
 *
 * @param caption - stands below it; texts from files in it are escaped by `html`
 * @param description - for those who do not see it: what is drawn, and the numbers that it is about
 * @param options - of Observable Plot, for each width
 */
export function chart(caption: Html | string, description: string, options: (size: ChartWidth) => PlotOptions): Html {
  const drawings = Object.entries(widths).map(([name, width]) => {
    const isNarrow = name === "narrow";
    const svg = draw({ width, marginBottom: 40, ...options({ width, isNarrow }) }, description);
    return html`<div class="${name}">${svg}</div>`;
  });
  return html`<figure class="chart">${drawings}<figcaption>${caption}</figcaption></figure>`;
}

function draw(options: PlotOptions, description: string): Html {
  const { document } = parseHTML("<!doctype html><html><body></body></html>");
  // The types of Plot want a browser's document; linkedom's is one as far as Plot uses it.
  const svg = plot({ ...options, document: document as never }) as unknown as Drawing;
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", description);
  return trusted(svg.outerHTML);
}
