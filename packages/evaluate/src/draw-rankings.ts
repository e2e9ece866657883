import { svgDocument, svgText } from "@nnunet/core";
import type { Ranking } from "./rank-variants.ts";

/** Room for the names, at least; about 7 points a character. */
const leftmost = 190;
const barWidth = 360;
const rowHeight = 26;

/**
 * Rankings as one drawing: per dataset a bar for each variant, in which the share of each rank has its shade, the best
 * first.
 *
 * @param rankings - by the name of the dataset, or "all datasets"
 */
export function drawRankings(rankings: Readonly<Record<string, Ranking>>): string {
  const parts: string[] = [];
  const names = Object.values(rankings).flatMap(({ variants }) => variants.map(({ variant }) => variant.length));
  const left = Math.max(leftmost, 16 + 7 * Math.max(0, ...names));
  let y = 16;
  for (const [name, { variants, cases }] of Object.entries(rankings)) {
    parts.push(svgText(8, y + 8, `${name}, ${cases} cases`, { size: 13, bold: true }));
    y += 22;
    for (const { variant, mean, meanRank, ranks } of variants) {
      parts.push(svgText(left - 8, y + 13, variant, { anchor: "end", size: 12 }));
      let x = left;
      for (const [rank, share] of ranks.entries()) {
        const width = share * barWidth;
        if (width > 0)
          parts.push(
            `<rect x="${x.toFixed(2)}" y="${y}" width="${width.toFixed(2)}" height="18" fill="${shade(rank, ranks.length)}"/>`,
          );
        if (width > 14) {
          const colour = rank < ranks.length / 2 ? "#ffffff" : "#1b1b1b";
          parts.push(svgText(x + width / 2, y + 13, String(rank + 1), { anchor: "middle", size: 10, colour }));
        }
        x += width;
      }
      parts.push(svgText(left + barWidth + 8, y + 13, `Dice ${mean.toFixed(4)}, mean rank ${meanRank.toFixed(2)}`));
      y += rowHeight;
    }
    y += 12;
  }
  const title = "How often each variant has which rank on virtual validation sets";
  return svgDocument(title, left + barWidth + 190, y + 8, parts);
}

/** Dark blue for rank 1 to pale for the last. */
function shade(rank: number, ranks: number): string {
  const t = ranks < 2 ? 0 : rank / (ranks - 1);
  const [r, g, b] = [16 + t * 208, 63 + t * 171, 122 + t * 126].map(Math.round);
  return `rgb(${r},${g},${b})`;
}
