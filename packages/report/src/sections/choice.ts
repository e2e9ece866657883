import { counted, listed } from "@nnunet/core";
import { candidatesChart } from "../charts/candidates-chart.ts";
import { html, type Html } from "../html.ts";
import { configurationName, foldName } from "../names.ts";
import { absent, claim, dice, percent } from "../numbers.ts";
import type { ReportData } from "../report-data.ts";
import { table } from "./table.ts";

/** Of more labels the means stand in the table of labels alone. */
const mostColumns = 8;

/** Which configuration or ensemble was chosen, why, and how all of them compare. */
export function choiceSection({ candidates, choice, dataset, tests, scores }: ReportData): Html | undefined {
  if (candidates.length === 0) return undefined;
  const name = (configurations: readonly string[]) => configurationName(configurations);
  const fewest = scores?.fewestToTell ?? 0;
  const several = dataset.labels.length > 1 && dataset.labels.length <= mostColumns;
  return html`<section id="choice"><h2>What was chosen, and why</h2>
    ${
      choice &&
      html`<p class="lead">The choice: <b>${name(choice.configurations)}</b>${choice.configurations.length > 1 && " (an ensemble)"}.</p>
      ${choice.reasons.map((reason) => html`<p>${reason}</p>`)}`
    }
    ${candidatesChart(candidates, choice?.configurations, fewest)}
    ${kindsOfNetworks(candidates)}
    ${table(
      "Mean Dice of each configuration and ensemble over the cases of its cross-validation, before postprocessing, best first",
      [
        "",
        "mean Dice",
        "95 % interval",
        "choice is better",
        "cases",
        "folds",
        ...(several ? dataset.labels.map(({ name: label }) => label) : []),
      ],
      candidates.map(({ configurations, dice: estimate, chosenIsBetter, certainty, folds, labels }) => [
        name(configurations),
        dice(estimate.mean),
        claim(estimate, fewest),
        chosenIsBetter !== null
          ? html`in ${percent(chosenIsBetter)}`
          : certainty === null
            ? absent
            : `${certainty} to tell`,
        estimate.cases,
        listed(folds.map((fold) => (fold === "all" ? "all" : String(fold)))),
        ...(several ? labels.map((label) => dice(label.mean)) : []),
      ]),
    )}
    <p class="aside">“Choice is better in”: how often the choice has the higher mean when as many cases are drawn anew from these at
      random. Near 50 % nobody can tell the two apart.</p>
    ${
      tests.length > 0 &&
      table(
        "On the test images, which no training and no choice has seen",
        ["", "mean Dice", "95 % interval", "cases", ...(several ? dataset.labels.map(({ name: label }) => label) : [])],
        tests.map(({ configurations, dice: estimate, labels }) => [
          name(configurations),
          dice(estimate.mean),
          claim(estimate, fewest),
          estimate.cases,
          ...(several ? labels.map((label) => dice(label.mean)) : []),
        ]),
      )
    }
    ${choice !== undefined && choice.notCompared.length > 0 && html`<h3>Not compared</h3><ul>${choice.notCompared.map(({ what, why }) => html`<li>${what}: ${why}</li>`)}</ul>`}
    ${incompleteFolds(candidates)}
  </section>`;
}

const kinds: Readonly<Record<string, string>> = {
  "2d": "looks at one slice at a time",
  "3d_fullres": "looks at pieces of the volume in full resolution",
  "3d_lowres": "looks at larger pieces in coarser resolution",
  "3d_cascade_fullres": "corrects in full resolution what 3d_lowres found",
};

/** What the names mean, of those that are there. */
function kindsOfNetworks(candidates: ReportData["candidates"]): Html | undefined {
  const names = new Set(candidates.flatMap(({ configurations }) => configurations));
  const known = Object.entries(kinds).filter(([name]) => names.has(name));
  if (known.length === 0) return undefined;
  const ensembles = candidates.some(({ configurations }) => configurations.length > 1);
  return html`<p class="aside">${known.map(([name, what], i) => html`${i > 0 && "; "}<b>${name}</b> ${what}`)}.${ensembles && " Two names with a + are an ensemble: the mean of what both say."}</p>`;
}

function incompleteFolds(candidates: ReportData["candidates"]): Html | undefined {
  const sets = new Set(candidates.map(({ folds }) => folds.join()));
  if (sets.size < 2) return undefined;
  const described = candidates.map(
    ({ configurations, folds }) =>
      `${configurationName(configurations)} ${counted(folds.length, "fold")} (${listed(folds.map(foldName))})`,
  );
  return html`<p class="notice">Not all were validated on the same cases: ${listed(described)}. Their means can be compared with care only.</p>`;
}
