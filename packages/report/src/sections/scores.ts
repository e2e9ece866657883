import { counted } from "@nnunet/core";
import { volumeChart } from "../charts/volume-chart.ts";
import { html, type Html } from "../html.ts";
import { caseName, foldName } from "../names.ts";
import { claim, dice, quantile, short, signedPercent } from "../numbers.ts";
import type { CaseScore, LabelSummary, ReportData } from "../report-data.ts";
import { table } from "./table.ts";

/** More rows than this are folded away. */
const openRows = 24;
/** More fill the page, and nobody reads them. */
const mostRows = 400;
/** Two columns a label are too many beyond this. */
const mostColumns = 8;

/** Every label and every case. */
export function scoresSection({ scores }: ReportData): Html | undefined {
  if (scores === undefined) return undefined;
  const { labels, cases, fewestToTell } = scores;
  const sorted = [...cases].sort((a, b) => (a.dice ?? 2) - (b.dice ?? 2));
  return html`<section id="scores"><h2>Label by label, case by case</h2>
    ${folded(
      labels.length,
      counted(labels.length, "label"),
      table(
        "Scores per label or region",
        [
          "",
          "mean Dice",
          "95 % interval",
          "middle",
          "worst",
          "volume error",
          "95 % interval",
          "missed",
          "invented",
          "cases",
        ],
        labels.map(({ name, dice: estimate, volumeError, missed, invented }, i) => {
          const known = cases.flatMap((entry) => entry.labels[i]!.dice ?? []);
          return [
            name,
            dice(estimate.mean),
            claim(estimate, fewestToTell),
            dice(quantile(known, 0.5)),
            dice(known.length === 0 ? null : Math.min(...known)),
            signedPercent(volumeError.mean),
            claim(volumeError, fewestToTell, signedPercent),
            missed,
            invented,
            known.length === cases.length ? cases.length : `${known.length} of ${cases.length}`,
          ];
        }),
      ),
    )}
    <p class="aside">A label that neither reference nor prediction has gives no Dice in that case and counts nowhere. One that only the reference has
      is missed, one that only the prediction has is invented; both count as Dice 0. Volume error: predicted minus reference, as a share of the
      reference, over the cases that have the label.</p>
    ${volumeChart(scores)}
    <h3>All cases, worst first</h3>
    ${folded(sorted.length, sorted.length > mostRows ? `The ${mostRows} worst of ${sorted.length} cases` : counted(sorted.length, "case"), caseTable(sorted.slice(0, mostRows), scores))}
    ${
      cases.every(({ id }) => id === undefined) &&
      html`<p class="aside">Cases are called by their place in the sorted list of the dataset's case ids, from 1 on, so that the report gives away no names;
      made with the option “case names” it says them.</p>`
    }
  </section>`;
}

/** Long tables are opened by who wants them. */
const folded = (rows: number, summary: string, content: Html) =>
  rows > openRows ? html`<details><summary>${summary}</summary>${content}</details>` : content;

function caseTable(cases: readonly CaseScore[], { labels }: NonNullable<ReportData["scores"]>): Html {
  const size = sizeIn(cases);
  if (labels.length > mostColumns) return weakestTable(cases, labels, size);
  return table(
    `Dice of each case, and the size of each label in ${size.unit} (reference → predicted)`,
    ["", "fold", "mean Dice", ...labels.flatMap(({ name }) => [name, html`${name}, ${size.unit}`])],
    cases.map((entry) => [
      caseName(entry),
      foldName(entry.fold).replace("fold ", ""),
      dice(entry.dice),
      ...entry.labels.flatMap((label) => [dice(label.dice), size.of(label)]),
    ]),
  );
}

/** How sizes are told: in mL where every image says how large its voxels are, else in voxels. */
function sizeIn(cases: readonly CaseScore[]) {
  const isKnown = cases.every((entry) => entry.labels.every(({ referenceMl }) => referenceMl !== null));
  const of = ({ referenceMl, predictedMl, referenceVoxels, predictedVoxels }: CaseScore["labels"][number]) =>
    isKnown ? `${short(referenceMl)} → ${short(predictedMl)}` : `${referenceVoxels} → ${predictedVoxels}`;
  return { unit: isKnown ? "mL" : "voxels", of };
}

/** Of many labels the weakest of each case. */
function weakestTable(
  cases: readonly CaseScore[],
  labels: readonly LabelSummary[],
  size: ReturnType<typeof sizeIn>,
): Html {
  return table(
    `Dice of each case: the mean over its labels, and its weakest label with its size in ${size.unit} (reference → predicted)`,
    ["", "fold", "mean Dice", "weakest", "Dice of it", `${size.unit} of it`, "labels missed"],
    cases.map((entry) => {
      const scored = entry.labels.map(({ dice: score }, i) => ({ score, i })).filter(({ score }) => score !== null);
      const weakest = scored.sort((a, b) => a.score! - b.score!)[0];
      const missed = entry.labels.filter(
        ({ referenceVoxels, predictedVoxels }) => referenceVoxels > 0 && predictedVoxels === 0,
      );
      return [
        caseName(entry),
        foldName(entry.fold).replace("fold ", ""),
        dice(entry.dice),
        weakest && labels[weakest.i]!.name,
        dice(weakest?.score),
        weakest && size.of(entry.labels[weakest.i]!),
        missed.length,
      ];
    }),
  );
}
