import { html, type Html, trusted } from "../html.ts";
import { caseName } from "../names.ts";
import { dice } from "../numbers.ts";
import type { ReportData, ShownCase, SlicePicture } from "../report-data.ts";

const colours = ["#6cc5f5", "#f5b041", "#48d1a0", "#f4e25a", "#f08bc6", "#ff8a5c"];
const colourOf = (i: number) => colours[i % colours.length]!;
const roles = { best: "Best case", median: "Middle case", worst: "Worst case" } as const;

/** The best, the middle and the worst case: reference against prediction. */
export function casesShownSection({ shownCases, dataset }: ReportData): Html | undefined {
  if (shownCases.length === 0) return undefined;
  const names = [
    ...new Set(shownCases.flatMap(({ slices }) => slices.flatMap(({ outlines }) => outlines.map(({ name }) => name)))),
  ];
  const order = dataset.labels.map(({ name }) => name).filter((name) => names.includes(name));
  return html`<section id="cases-shown"><h2>Best, middle and worst case</h2>
    <p>Outlines: ${order.map((name) => html`<span class="key"><i style="background:${colourOf(dataset.labels.findIndex((label) => label.name === name))}"></i>${name}</span> `)}
      Difference: <span class="key"><i class="missed"></i>missed</span> <span class="key"><i class="added"></i>added</span>
      <span class="key"><i class="confused"></i>wrong label</span>. Letters at the edges: R right, L left, A front, P back, S head, I feet of the patient.</p>
    ${shownCases.map((shown) =>
      caseArticle(
        shown,
        dataset.labels.map(({ name }) => name),
      ),
    )}
  </section>`;
}

function caseArticle(shown: ShownCase, labels: readonly string[]): Html {
  return html`<article class="shown"><h3>${roles[shown.role]}: ${caseName(shown)}, mean Dice ${dice(shown.dice)}</h3>
    ${shown.slices.map((slice, i) => slicePanels(slice, shown, `${shown.role}-${i}`, labels))}</article>`;
}

/** Three panels over one image: the reference, the prediction, and where they differ. */
function slicePanels(slice: SlicePicture, shown: ShownCase, id: string, labels: readonly string[]): Html {
  const described = slice.outlines.map(({ name }) => name).join(", ") || "no label";
  const outline = (which: "reference" | "prediction") =>
    slice.outlines.map(
      (entry) =>
        html`<path d="${entry[which]}" fill="none" stroke="${colourOf(labels.indexOf(entry.name))}" stroke-width="1.6" vector-effect="non-scaling-stroke"/>`,
    );
  const difference = html`<path d="${slice.missed}" class="missed"/><path d="${slice.added}" class="added"/><path d="${slice.confused}" class="confused"/>`;
  const where = `${slice.place} of ${caseName(shown)}`;
  const panel = (
    title: string,
    alternative: string,
    content: Html | Html[],
    isFirst = false,
  ) => html`<figure class="panel">
    ${svg(slice, id, isFirst, `${title}: ${alternative}`, content)}<figcaption>${title}</figcaption></figure>`;
  return html`<div class="slice"><p class="where">${capital(slice.shows)}: ${slice.place}, ${shown.channel}</p><div class="panels">
    ${panel("Reference", `outlines of ${described} on ${where}`, outline("reference"), true)}
    ${panel("Prediction", `outlines of ${described} on ${where}`, outline("prediction"))}
    ${panel("Difference", `what was missed, added or given the wrong label on ${where}`, difference)}
  </div></div>`;
}

/** The image is in the file once, and drawn again by the other panels. In physical proportion. */
function svg(slice: SlicePicture, id: string, isFirst: boolean, alternative: string, content: Html | Html[]): Html {
  const { width, height, pixelAspect, edges } = slice;
  const shownHeight = height * pixelAspect;
  const [left, right, top, bottom] = edges;
  const size = Math.max(width, shownHeight) / 22;
  const letter = (text: string, x: number, y: number) =>
    text &&
    html`<text class="edge" x="${x.toFixed(2)}" y="${y.toFixed(2)}" font-size="${size.toFixed(2)}" text-anchor="middle" dominant-baseline="central">${text}</text>`;
  const image = isFirst
    ? html`<image id="${id}" width="${width}" height="${height}" preserveAspectRatio="none" href="data:image/png;base64,${trusted(slice.png.replace(/[^A-Za-z0-9+/=]/g, ""))}"/>`
    : html`<use href="#${id}"/>`;
  return html`<svg viewBox="0 0 ${width} ${shownHeight.toFixed(3)}" role="img" aria-label="${alternative}" class="picture" style="aspect-ratio:${width} / ${shownHeight.toFixed(3)}"><g transform="scale(1 ${pixelAspect.toFixed(6)})">${image}${content}</g>
    ${letter(left, size * 0.7, shownHeight / 2)}${letter(right, width - size * 0.7, shownHeight / 2)}${letter(top, width / 2, size * 0.8)}${letter(bottom, width / 2, shownHeight - size * 0.8)}${scaleBar(slice, shownHeight, size)}</svg>`;
}

/** A bar of a round length, about a fifth of the width. */
function scaleBar({ width, pixelMm }: SlicePicture, shownHeight: number, size: number): Html | undefined {
  if (pixelMm === null) return undefined;
  const mm = [200, 100, 50, 20, 10, 5, 2, 1, 0.5, 0.2, 0.1].find((length) => length / pixelMm <= width / 4);
  if (mm === undefined) return undefined;
  const [x, y, length] = [size * 0.6, shownHeight - size * 0.6, mm / pixelMm];
  return html`<path class="bar" d="M${x.toFixed(2)} ${y.toFixed(2)}h${length.toFixed(2)}" vector-effect="non-scaling-stroke"/><text x="${x.toFixed(2)}" y="${(y - size * 0.7).toFixed(2)}" font-size="${(size * 0.85).toFixed(2)}">${mm} mm</text>`;
}

const capital = (sentence: string) => sentence.charAt(0).toUpperCase() + sentence.slice(1);
