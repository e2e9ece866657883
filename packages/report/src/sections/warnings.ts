import { html, type Html } from "../html.ts";
import type { ReportData } from "../report-data.ts";

/** More than these are folded away. */
const open = 6;

/** What a budget gave up, and what else is to be known of the run. */
export function warningsSection({ warnings, givenUp }: ReportData): Html | undefined {
  if (warnings.length === 0 && givenUp === undefined) return undefined;
  const items = (texts: readonly string[]) => html`<ul>${texts.map((text) => html`<li>${text}</li>`)}</ul>`;
  return html`<section id="warnings"><h2>${givenUp === undefined ? "Warnings" : "Given up, and warnings"}</h2>
    ${givenUp && html`<p>To be done in ${givenUp.budget}, the run left out:</p>${items(givenUp.sentences)}`}
    ${givenUp && warnings.length > 0 && html`<h3>Warnings</h3>`}
    ${warnings.length > 0 && items(warnings.slice(0, open))}
    ${warnings.length > open && html`<details><summary>${warnings.length - open} more</summary>${items(warnings.slice(open))}</details>`}
  </section>`;
}
