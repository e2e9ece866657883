import { html, type Html, trusted } from "../html.ts";
import { caseName } from "../names.ts";
import { dice } from "../numbers.ts";
import type { ReportData, ShownCase, SlicePicture } from "../report-data.ts";

/** Of outlines on grey; none of them near those of a difference (see the style sheet). */
const colours = ["#ffe14d", "#5ff0d6", "#ffffff", "#a9f06a", "#ffb3d1", "#c9b8ff"];
const colourOf = (i: number) => colours[i % colours.length]!;
/** Colours of more labels would be told by nobody. */
const mostKeys = 12;
/** Scores of more labels stand in the table of cases alone. */
const mostLabels = 6;
const roles = { best: "Best case", median: "Middle case", worst: "Worst case" } as const;

/** The best, the middle and the worst case: reference against prediction. */
export function casesShownSection({ shownCases, dataset, scores }: ReportData): Html | undefined {
  if (shownCases.length === 0) return undefined;
  const labels = dataset.labels.map(({ name }) => name);
  const slices = shownCases.flatMap((shown) => shown.slices);
  return html`<section id="cases-shown"><h2>${titleOf(shownCases)}</h2>
    ${legend(slices, labels)}
    ${shownCases.map((shown) => caseArticle(shown, labels, scores, shownCases.length === 1 ? "" : `${roles[shown.role]}: `))}
  </section>`;
}

function titleOf(shown: readonly ShownCase[]): string {
  if (shown.length === 1) return "The case in pictures";
  return shown.length === 2 ? "Best and worst case in pictures" : "Best, middle and worst case in pictures";
}

/** What the colours and letters of the pictures mean; only of those that are in them. */
function legend(slices: readonly SlicePicture[], labels: readonly string[]): Html {
  const outlined = new Set(slices.flatMap(({ outlines }) => outlines.map(({ name }) => name)));
  const shown = labels.map((name, i) => ({ name, i })).filter(({ name }) => outlined.has(name));
  const outlines =
    shown.length > mostKeys
      ? html`Outlines: ${shown.length} labels, in ${colours.length} colours by turns.`
      : html`Outlines: ${shown.map(({ name, i }) => html`<span class="key"><i class="outline" style="border-color:${colourOf(i)}"></i>${name}</span> `)}`;
  const hasLetters = slices.some(({ edges }) => edges.some((edge) => edge !== ""));
  return html`<p class="keys">${outlines}</p>
    <p class="keys">Difference: <span class="key"><i class="missed"></i>missed: in the reference only</span>
      <span class="key"><i class="added"></i>added: in the prediction only</span>
      ${labels.length > 1 && html`<span class="key"><i class="confused"></i>found, with the wrong label</span>`}</p>
    ${hasLetters && html`<p class="aside">Letters at the edges are sides of the patient: R right, L left, A front, P back, S head, I feet.</p>`}`;
}

function caseArticle(shown: ShownCase, labels: readonly string[], scores: ReportData["scores"], role: string): Html {
  const entry = scores?.cases.find(({ number }) => number === shown.number);
  const ofLabels = labels.length > 1 && labels.length <= mostLabels ? (entry?.labels ?? []) : [];
  return html`<article class="shown"><h3>${capital(`${role}${caseName(shown)}`)}, mean Dice ${dice(shown.dice)}</h3>
    ${ofLabels.length > 0 && html`<p class="where">${ofLabels.map((score, i) => html`${i > 0 && " · "}${labels[i]!}\u00a0${dice(score.dice)}`)}</p>`}
    ${shown.slices.map((slice, i) => slicePanels(slice, shown, `case-${shown.number}-${i}`, labels))}</article>`;
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
  const panel = (title: string, alternative: string, content: Html | Html[], isFirst = false) =>
    html`<figure class="panel"><figcaption>${title}</figcaption>${svg(slice, id, isFirst, `${title}: ${alternative}`, content)}</figure>`;
  return html`<div class="slice"><p class="where">${capital(slice.shows)}: ${slice.place}, ${shown.channel}</p><div class="panels">
    ${panel("Reference", `outlines of ${described} on ${where}`, outline("reference"), true)}
    ${panel("Prediction", `outlines of ${described} on ${where}`, outline("prediction"))}
    ${panel("Difference", `what was missed, added or given the wrong label on ${where}`, difference)}
  </div></div>`;
}

/**
 * The image is in the file once, and drawn again by the other panels; in physical proportion, its voxels as they are: smoothed
 * ones would hide how coarse it is. The style stands at the image, because a rule does not reach what `use` draws.
 */
function svg(slice: SlicePicture, id: string, isFirst: boolean, alternative: string, content: Html | Html[]): Html {
  const { width, height, pixelAspect, edges } = slice;
  const shownHeight = height * pixelAspect;
  const [left, right, top, bottom] = edges;
  const size = Math.max(width, shownHeight) / 22;
  const letter = (text: string, x: number, y: number) =>
    text &&
    html`<text class="edge" x="${x.toFixed(2)}" y="${y.toFixed(2)}" font-size="${size.toFixed(2)}" text-anchor="middle" dominant-baseline="central">${text}</text>`;
  const image = isFirst
    ? html`<image id="${id}" width="${width}" height="${height}" preserveAspectRatio="none" style="image-rendering:pixelated" href="data:image/png;base64,${trusted(slice.png.replace(/[^A-Za-z0-9+/=]/g, ""))}"/>`
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
