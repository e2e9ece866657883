import { html, type Html } from "../html.ts";
import { dice } from "../numbers.ts";
import type { ReportData } from "../report-data.ts";
import { table } from "./table.ts";

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
        dice(before),
        dice(after),
        accepted ? "yes" : "no",
      ]),
    )}</section>`;
}
