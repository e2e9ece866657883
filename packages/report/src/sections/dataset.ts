import { counted } from "@nnunet/core";
import { classRatioChart, intensityChart, shapeChart, spacingChart } from "../charts/fingerprint-charts.ts";
import { html, type Html } from "../html.ts";
import type { ReportData } from "../report-data.ts";

/** The fingerprint in pictures. */
export function datasetSection({ dataset, fingerprint }: ReportData): Html {
  const { channels, labels, trainingCases, testCases } = dataset;
  return html`<section id="dataset"><h2>The dataset</h2>
    <p>${counted(trainingCases, "training case")}${testCases > 0 && `, ${counted(testCases, "test image")}`};
      ${counted(channels.length, "channel")}: ${list(channels)}; ${counted(labels.length, "label")}: ${list(labels.map(({ name }) => name))}.</p>
    ${
      fingerprint === undefined
        ? html`<p class="notice">The dataset has not been measured yet.</p>`
        : html`<div class="charts">${spacingChart(fingerprint)}${shapeChart(fingerprint)}${classRatioChart(fingerprint, labels)}${intensityChart(fingerprint, channels)}</div>`
    }
  </section>`;
}

const mostNames = 20;

const list = (names: readonly string[]) =>
  html`${names
    .slice(0, mostNames)
    .map(
      (name, i) => html`${i > 0 && ", "}<b>${name}</b>`,
    )}${names.length > mostNames && ` and ${names.length - mostNames} more`}`;
