import { html, type Html } from "../html.ts";
import { absent } from "../numbers.ts";
import type { ReportData } from "../report-data.ts";
import { table } from "./table.ts";

/** What postprocessing changes is often less than the third decimal. */
const finely = (mean: number | null) => mean?.toFixed(4) ?? absent;

/** What was tried on the segmentations after the network, and what is kept. */
export function postprocessingSection({ postprocessing }: ReportData): Html | undefined {
  if (postprocessing.length === 0) return undefined;
  return html`<section id="postprocessing"><h2>Postprocessing</h2>
    <p>Each was tried on the segmentations of the cross-validation and is applied only if it made them better.</p>
    ${table(
      "Postprocessing that was tried, and mean Dice before and after",
      ["", "before", "after", "applied"],
      postprocessing.map(({ what, before, after, accepted }) => [
        what,
        finely(before),
        finely(after),
        accepted ? "yes" : "no",
      ]),
    )}</section>`;
}
