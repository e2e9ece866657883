import { html, type Html } from "../html.ts";
import type { ReportData } from "../report-data.ts";
import { table } from "./table.ts";

/** Warnings, versions, and what the report speaks of, by content. */
export function provenanceSection({ warnings, software, files }: ReportData): Html {
  return html`${warnings.length > 0 && html`<section id="warnings"><h2>Warnings</h2><ul>${warnings.map((text) => html`<li>${text}</li>`)}</ul></section>`}
    <section id="provenance"><h2>Versions and files</h2><p>Made by nnunet-ts ${software}.</p>
    ${
      files.length > 0 &&
      table(
        "The files that this report speaks of, by content",
        ["", "SHA-256"],
        files.map(({ name, sha256 }) => [name, html`<code>${sha256}</code>`]),
      )
    }</section>`;
}
