import { html, trusted } from "./html.ts";
import type { ReportData } from "./report-data.ts";
import { withShortNames } from "./short-names.ts";
import { answerSection } from "./sections/answer.ts";
import { casesShownSection } from "./sections/cases-shown.ts";
import { choiceSection } from "./sections/choice.ts";
import { datasetSection } from "./sections/dataset.ts";
import { jobsSection } from "./sections/jobs.ts";
import { planSection } from "./sections/plan.ts";
import { postprocessingSection } from "./sections/postprocessing.ts";
import { provenanceSection } from "./sections/provenance.ts";
import { scoresSection } from "./sections/scores.ts";
import { trainingsSection } from "./sections/trainings.ts";
import { warningsSection } from "./sections/warnings.ts";
import { style } from "./style.ts";

/** In the head of every report; by it a report is told from a page of somebody else's. */
export const reportMarker = '<meta name="generator" content="nnunet-ts report">';

/** Below it: what the page says, by content, so that one that is up to date is known. */
export const madeFromMark = (madeFrom: string) =>
  `<meta name="nnunet-made-from" content="${madeFrom.replace(/\W/g, "")}">`;

/**
 * The report as one HTML page that needs nothing else: no script, no font, no network. The browser is told so too, by a
 * policy in the page that forbids them.
 *
 * @example await writeFile("report.html", renderReport(data));
 */
export function renderReport(given: ReportData): string {
  const data = withShortNames(given);
  const sections = [
    { id: "answer", title: "In short", content: answerSection(data) },
    {
      id: "warnings",
      title: data.givenUp === undefined ? "Warnings" : "Given up",
      content: warningsSection(data),
    },
    { id: "cases-shown", title: "Pictures", content: casesShownSection(data) },
    { id: "scores", title: "Scores", content: scoresSection(data) },
    { id: "choice", title: "Choice", content: choiceSection(data) },
    { id: "postprocessing", title: "Postprocessing", content: postprocessingSection(data) },
    { id: "dataset", title: "Dataset", content: datasetSection(data) },
    { id: "trainings", title: "Trainings", content: trainingsSection(data) },
    { id: "plan", title: "Plan", content: planSection(data) },
    { id: "jobs", title: "Time", content: jobsSection(data) },
    { id: "provenance", title: "Versions", content: provenanceSection(data) },
  ].filter(({ content }) => content !== undefined);
  return `${
    html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
${trusted(reportMarker)}
${trusted(madeFromMark(data.madeFrom))}
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<meta name="referrer" content="no-referrer">
<meta name="color-scheme" content="light dark">
<title>Report: ${data.dataset.name}</title>
<style>${trusted(style)}</style>
</head>
<body>
<a class="skip" href="#main">To the content</a>
<header><p class="kind">Segmentation report</p><h1>${data.dataset.name}</h1>
<nav aria-label="Sections">${sections.map(({ id, title }) => html`<a href="#${id}">${title}</a>`)}</nav></header>
<main id="main">
${sections.map(({ content }) => content)}
</main>
</body>
</html>`.markup
  }\n`;
}
