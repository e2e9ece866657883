import { counted, listed } from "@nnunet/core";
import { html, type Html } from "../html.ts";
import { absent, duration, short } from "../numbers.ts";
import type { ReportData } from "../report-data.ts";
import { table } from "./table.ts";

/** Time and memory of each job. */
export function jobsSection({ jobs }: ReportData): Html | undefined {
  if (jobs.length === 0) return undefined;
  const seconds = jobs.reduce((sum, job) => sum + (job.seconds ?? 0), 0);
  const failed = jobs.filter(({ state }) => state === "failed");
  const hasMemory = jobs.some(({ memoryGb }) => memoryGb !== null);
  return html`<section id="jobs"><h2>${hasMemory ? "Time and memory" : "Time"}</h2>
    <p>${duration(seconds)} in all, as far as it was measured.</p>
    ${failed.length > 0 && html`<p class="notice">${counted(failed.length, "job")} failed: ${listed(failed.map(({ id }) => id))}.</p>`}
    <details><summary>${counted(jobs.length, "job")}</summary>${table(
      "The jobs of the run",
      ["", "state", "time", ...(hasMemory ? ["memory at its peak"] : [])],
      jobs.map(({ id, state, detail, seconds: own, memoryGb }) => [
        id,
        detail === undefined ? state : `${state}: ${detail}`,
        duration(own),
        ...(hasMemory ? [memoryGb === null ? absent : `${short(memoryGb)} GB`] : []),
      ]),
    )}</details></section>`;
}
