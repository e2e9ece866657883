import { printableXml } from "./printable.ts";

/**
 * A whole SVG document on a white ground, which needs no font, script or file to be shown.
 *
 * @param title - what a reader who does not see the picture is told
 * @param parts - elements, in the order in which they are painted; what comes from a file goes through {@link svgText}
 */
export function svgDocument(title: string, width: number, height: number, parts: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" font-family="sans-serif">`,
    `<title>${printableXml(title)}</title>`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    ...parts,
    "</svg>",
    "",
  ].join("\n");
}

/** How a text of a drawing looks. */
export interface SvgTextStyle {
  readonly anchor?: "start" | "middle" | "end";
  /** Pixels; 11 by default. */
  readonly size?: number;
  readonly colour?: string;
  readonly bold?: boolean;
}

/** A line of text at a point of a drawing, whatever it says: characters that mean something to XML are written out. */
export function svgText(x: number, y: number, text: string, style: SvgTextStyle = {}): string {
  const { anchor = "start", size = 11, colour = "#1b1b1b", bold = false } = style;
  const weight = bold ? ' font-weight="bold"' : "";
  return `<text x="${x}" y="${y}" font-size="${size}"${weight} text-anchor="${anchor}" fill="${colour}">${printableXml(text)}</text>`;
}
