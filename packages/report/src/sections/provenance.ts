import { counted } from "@nnunet/core";
import { html, type Html } from "../html.ts";
import type { ReportData } from "../report-data.ts";
import { table } from "./table.ts";

/** Versions, settings, stages that are not ours, and what the report speaks of, by content. */
export function provenanceSection({ software, recipes = [], ownStages = [], files }: ReportData): Html {
  return html`<section id="provenance"><h2>Versions and files</h2><p>Made by nnunet-ts ${software}.</p>
    ${recipes.length > 0 && html`<p>Trained with:</p><ul>${recipes.map((text) => html`<li>${text}</li>`)}</ul>`}
    ${ownStages.length > 0 && html`<p>By stages other than nnunet-ts's own:</p><ul>${ownStages.map((text) => html`<li>${text}</li>`)}</ul>`}
    ${
      files.length > 0 &&
      html`<details class="files"><summary>${counted(files.length, "file")}</summary>${table(
        "The files that this report speaks of, by content",
        ["", "SHA-256"],
        files.map(({ name, sha256 }) => [name, html`<code>${sha256}</code>`]),
      )}</details>`
    }</section>`;
}
