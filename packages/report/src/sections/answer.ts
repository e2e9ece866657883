import { counted } from "@nnunet/core";
import { scoresChart } from "../charts/scores-chart.ts";
import { html, type Html } from "../html.ts";
import { caseName, configurationName } from "../names.ts";
import { dice, interval, quantile, signedPercent } from "../numbers.ts";
import type { LabelSummary, ReportData } from "../report-data.ts";
import { type Alert, alerts, allowsClaims, poor } from "./alerts.ts";
import { type TrustCheck, trustChecks } from "./trust-checks.ts";

/** A systematic error of volume smaller than this is not worth a sentence. */
const notableVolume = 0.03;

/** The first screen: how good is it, where does it fail, can I trust it. */
export function answerSection(data: ReportData): Html {
  const told = alerts(data);
  if (data.scores === undefined) {
    return html`<section id="answer" class="answer">${alarm(told)}<p class="lead">Nothing has been scored yet: no fold of this plan has been
      trained and validated. What is known of the dataset and the plan follows.</p></section>`;
  }
  const checks = trustChecks(data);
  return html`<section id="answer" class="answer" aria-label="The answer in short">
    ${alarm(told)}
    <p class="verdict">${verdict(data.scores, told, checks)}</p>
    <div class="questions">${howGood(data.scores, data)}${whereItFails(data.scores)}${trust(told, checks, data)}${scoresChart(data.scores, allowsClaims(data.scores) ? data.scores.fewestToTell : Number.POSITIVE_INFINITY)}</div>
  </section>`;
}

/** Loud, and before any number. */
function alarm(told: readonly Alert[]): Html[] {
  return told.map(
    ({ title, text }) => html`<div class="alarm" role="note"><p><strong>${title}.</strong> ${text}</p></div>`,
  );
}

/** One sentence for who reads no further. */
function verdict(scores: Scores, told: readonly Alert[], checks: readonly TrustCheck[]): Html {
  const { dice: estimate, cases, isOfTrainingCases } = scores;
  const below = cases.filter((entry) => entry.dice !== null && entry.dice < poor).length;
  const care = (told.length > 0 ? told : checks.filter(({ verdict: said }) => said === "look")).map(({ title }) =>
    title.toLowerCase(),
  );
  const which = isOfTrainingCases ? "training case" : "unseen case";
  return html`On ${counted(cases.length, which)} the mean Dice is <b>${dice(estimate.mean)}</b>${allowsClaims(scores) && ` (${interval(estimate)})`};
    ${below === 0 ? "none" : below} ${below === 1 ? "lies" : "lie"} below ${poor}; ${care.length === 0 ? "nothing in the data speaks against these scores" : html`take care: <b>${care.join(", ")}</b>`}.`;
}

type Scores = NonNullable<ReportData["scores"]>;

function howGood(own: Scores, { tests, postprocessing: trials }: ReportData): Html {
  const { dice: estimate, labels, cases, configurations, shows, fewestToTell } = own;
  const test = tests.find((score) => configurationName(score.configurations) === configurationName(configurations));
  const scores = cases.flatMap((entry) => (entry.dice === null ? [] : [entry.dice]));
  const tenth = quantile(scores, 0.1);
  const name = configurationName(configurations);
  const postprocessing = trials.some(({ accepted }) => accepted) ? ", with its postprocessing" : "";
  return html`<div class="question"><h2>How good is it?</h2>
    <p class="number"><strong>${dice(estimate.mean)}</strong> mean Dice</p>
    <p>Dice is the overlap with the reference: 1 is identical, 0 is nothing in common.
      ${allowsClaims(own) && html`Other cases of this kind would likely have a mean of ${interval(estimate)} (95 % interval).`}</p>
    ${tenth !== null && scores.length >= 10 && html`<p>Nine of ten cases reach at least <b>${dice(tenth)}</b>; the middle one has ${dice(quantile(scores, 0.5))}.</p>`}
    ${labels.length > 1 && labels.length <= 6 && html`<p>${labels.map(({ name: label, dice: mean }, i) => html`${i > 0 && " · "}${label}\u00a0<b>${dice(mean.mean)}</b>`)}</p>`}
    ${test && html`<p>On ${counted(test.dice.cases, "test image")}, set aside from all of this: <b>${dice(test.dice.mean)}</b>${test.dice.cases >= fewestToTell && ` (${interval(test.dice)})`}.</p>`}
    <p class="aside">${whatIsScored[shows](name, postprocessing)}</p></div>`;
}

/** Whose scores and pictures these are. */
const whatIsScored: Readonly<Record<Scores["shows"], (name: string, postprocessing: string) => string>> = {
  "what is handed over": (name, postprocessing) =>
    `Scores and pictures are those of what is handed over: ${name}${postprocessing}.`,
  "before postprocessing": (name) =>
    `Scores and pictures are those of ${name} before the postprocessing that is handed over with it.`,
  "one configuration": (name) => `Scores and pictures are those of ${name}; no final predictor has been chosen yet.`,
};

function whereItFails({ cases, labels, fewestToTell }: Scores): Html {
  const scored = cases.flatMap((entry) => (entry.dice === null ? [] : [{ ...entry, dice: entry.dice }]));
  // Of equals the last, as among the cases that are shown.
  const worst = [...scored].sort((a, b) => b.dice - a.dice).at(-1);
  const below = scored.filter((entry) => entry.dice < poor).length;
  const weakest = [...labels]
    .filter((label) => label.dice.mean !== null)
    .sort((a, b) => a.dice.mean! - b.dice.mean!)[0];
  const sentences: Html[] = [];
  if (weakest !== undefined && labels.length > 1) {
    const inFew =
      weakest.dice.cases < cases.length &&
      ` in the ${counted(weakest.dice.cases, "case")} that ${weakest.dice.cases === 1 ? "has" : "have"} it`;
    sentences.push(html`The weakest label is <b>${weakest.name}</b>, mean Dice ${dice(weakest.dice.mean)}${inFew}.`);
  }
  sentences.push(...missedSentences(labels), ...sizeSentences(cases), ...volumeSentences(labels, fewestToTell));
  return html`<div class="question"><h2>Where does it fail?</h2>
    <p class="number"><strong>${below === 0 ? "0" : below}</strong> of ${counted(scored.length, "case")} below ${poor}</p>
    ${worst !== undefined && html`<p>The worst is <a href="#cases-shown">${caseName(worst)}</a>, Dice <b>${dice(worst.dice)}</b>.</p>`}
    ${sentences.map((sentence) => html`<p>${sentence}</p>`)}
    ${unknownSentence(labels)}</div>`;
}

/** Labels that no reference and no prediction has. */
function unknownSentence(labels: readonly LabelSummary[]): Html | undefined {
  const unknown = labels.filter(({ dice: { mean } }) => mean === null);
  const [first] = unknown;
  if (first === undefined) return undefined;
  const others = unknown.length > 1 ? ` and ${counted(unknown.length - 1, "other label")}` : "";
  return html`<p>Nothing is known of <b>${first.name}</b>${others}: none of the cases has it.</p>`;
}
function missedSentences(labels: readonly LabelSummary[]): Html[] {
  return labels
    .flatMap(({ name, missed, invented }) => [
      ...(missed > 0 ? [html`<b>${name}</b> was missed altogether in ${counted(missed, "case")}.`] : []),
      ...(invented > 0
        ? [html`<b>${name}</b> was found in ${counted(invented, "case")} that ${invented === 1 ? "has" : "have"} none.`]
        : []),
    ])
    .slice(0, 4);
}

/** Whether small structures are segmented worse, by halves, as far as that is worth a sentence. */
function sizeSentences(cases: Scores["cases"]): Html[] {
  const known = cases
    .map(({ dice: score, labels }) => ({
      score,
      size: labels.reduce((sum, { referenceVoxels, referenceMl }) => sum + (referenceMl ?? referenceVoxels), 0),
    }))
    .filter((entry): entry is { score: number; size: number } => entry.score !== null && entry.size > 0)
    .sort((a, b) => a.size - b.size);
  if (known.length < 8) return [];
  const half = Math.floor(known.length / 2);
  const mean = (part: typeof known) => part.reduce((sum, { score }) => sum + score, 0) / part.length;
  const [small, large] = [mean(known.slice(0, half)), mean(known.slice(-half))];
  if (Math.abs(large - small) < 0.02) return [html`Small and large structures are found equally well.`];
  const [worse, better] = small < large ? ["smaller", "larger"] : ["larger", "smaller"];
  return [
    html`Cases with the ${worse} structures do worse: ${dice(Math.min(small, large))}, the half with the ${better} ones ${dice(Math.max(small, large))}.`,
  ];
}

function volumeSentences(labels: readonly LabelSummary[], fewestToTell: number): Html[] {
  const off = labels.filter(({ volumeError: { mean, low, high, cases } }) => {
    if (mean === null || low === null || high === null || cases < fewestToTell) return false;
    return Math.abs(mean) >= notableVolume && low > 0 === high > 0;
  });
  const largest = off.sort((a, b) => Math.abs(b.volumeError.mean!) - Math.abs(a.volumeError.mean!));
  return largest
    .slice(0, 2)
    .map(
      ({ name, volumeError }) =>
        html`<b>${name}</b> comes out too ${volumeError.mean! > 0 ? "large" : "small"}: volume ${signedPercent(volumeError.mean)} on average.`,
    );
}

function trust(told: readonly Alert[], checks: readonly TrustCheck[], { warnings }: ReportData): Html {
  const looks = checks.filter(({ verdict: said }) => said === "look");
  const shown = { good: ["✓", "speaks for it"], look: ["!", "take care"], open: ["?", "not known"] } as const;
  const answer =
    told.length > 0
      ? html`<strong>No</strong> ${told[0]!.title.toLowerCase()}`
      : looks.length > 0
        ? html`<strong>With care</strong> ${looks.map(({ title }) => title.toLowerCase()).join(", ")}`
        : html`<strong>So far</strong> nothing speaks against it`;
  return html`<div class="question"><h2>Can I trust it?</h2>
    <p class="number">${answer}</p>
    <ul class="checks">${checks.map(({ verdict: said, title, text }) => {
      const [sign, meaning] = shown[said];
      return html`<li class="${said}"><span class="sign" aria-hidden="true">${sign}</span><span><b>${title}</b> <span class="hidden">(${meaning})</span> <span class="why">${text}</span></span></li>`;
    })}</ul>
    ${warnings.length > 0 && html`<p>See the <a href="#warnings">${counted(warnings.length, "warning")}</a> of the run.</p>`}
    <p class="aside">Research software: before it is used on patients it has to be validated where it is used.</p></div>`;
}
