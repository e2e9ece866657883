import { counted } from "@nnunet/core";
import { configurationName } from "../names.ts";
import { dice, interval, percent } from "../numbers.ts";
import type { ReportData } from "../report-data.ts";
import { allowsClaims, poor } from "./alerts.ts";

export interface TrustCheck {
  /** Whether it speaks for the scores, asks for a look, or says what nobody can know from these data. */
  readonly verdict: "good" | "look" | "open";
  readonly title: string;
  readonly text: string;
}

/** Fewer cases than this make an interval too narrow (see `bootstrapInterval` of @nnunet/evaluate). */
const fewCases = 20;
/** Of cases below {@link poor}, from which on a result must not be taken unseen. */
const notableFailures = 0.1;
/** Of nnU-Net. */
const usualEpochs = 1000;
/** An interval wider than this leaves open how good the network is. */
const wideInterval = 0.1;

/**
 * What speaks for the scores and what against them, from the data alone; the reader's question "can I trust it".
 */
export function trustChecks(data: ReportData): TrustCheck[] {
  if (data.scores === undefined) return [];
  return [
    unseen(data),
    ...caseCount(data),
    ...failures(data),
    ...setAside(data),
    ...budget(data),
    ...training(data),
    ...choice(data),
    ...variety(data),
    elsewhere,
  ];
}

function unseen({ scores, division }: ReportData): TrustCheck {
  const { cases, remarks, isOfTrainingCases } = scores!;
  if (isOfTrainingCases) {
    const text = "The networks had seen these cases in training, so their scores say nothing about new ones.";
    return { verdict: "look", title: "Scored on training cases", text };
  }
  if (division && !division.isKept) {
    const text =
      "Of cases that belong together, the images of a patient say, some were in training and others in validation: the scores are too good.";
    return { verdict: "look", title: "Cases that belong together were divided", text };
  }
  if (remarks.length > 0) return { verdict: "look", title: "Scored with a remark", text: remarks.join(" ") };
  const folds = new Set(cases.map(({ fold }) => fold)).size;
  const which = cases.length === 1 ? "The only case" : `Each of the ${cases.length} cases`;
  const text = `${which} was segmented by networks that had not seen it in training (${counted(folds, "fold")} of a cross-validation${folds > 1 ? "; the final predictor averages the networks of all of them" : ""}).${together(division)}`;
  return { verdict: "good", title: "Scored on unseen cases", text };
}

/** Whether images of one patient may have been on both sides. */
function together(division: ReportData["division"]): string {
  if (division === undefined)
    return " That no two cases are of one patient is taken for granted: no groups were given.";
  const by = division.by === undefined ? "" : `, by ${division.by}`;
  return ` Cases that belong together stayed together: ${counted(division.groups, "group")}${by}.`;
}

/** Too few cases for any claim are an alarm of their own. */
function caseCount({ scores, dataset }: ReportData): TrustCheck[] {
  const { cases, dice: estimate, independentCases } = scores!;
  const missing = dataset.trainingCases - new Set(cases.map(({ number }) => number)).size;
  const left =
    missing > 0
      ? `${counted(missing, "case")} of the dataset ${missing === 1 ? "has" : "have"} no score yet: not every fold is trained.`
      : "";
  const unscored: TrustCheck[] = missing > 0 ? [{ verdict: "look", title: "Cases without a score", text: left }] : [];
  if (!allowsClaims(scores!)) return unscored;
  const what =
    independentCases < cases.length
      ? `${counted(independentCases, "group")} of cases that belong together`
      : counted(cases.length, "case");
  if (independentCases < fewCases) {
    const text = `From ${what} the interval comes out a little too narrow: the true mean may lie outside it more often than 1 time in 20. ${left}`;
    return [{ verdict: "look", title: "Few cases", text: text.trim() }];
  }
  const text = `${what}; the 95 % interval of the mean Dice is ${interval(estimate)}. ${left}`.trim();
  if (estimate.high! - estimate.low! > wideInterval) return [{ verdict: "look", title: "Wide interval", text }];
  return missing > 0
    ? [{ verdict: "look", title: "Cases without a score", text }]
    : [{ verdict: "good", title: "Number of cases", text }];
}

/** Scores that can be trusted may say that results cannot. */
function failures({ scores }: ReportData): TrustCheck[] {
  const known = scores!.cases.flatMap(({ dice: score }) => score ?? []);
  const below = known.filter((score) => score < poor).length;
  if (below === 0 || below / known.length < notableFailures) return [];
  const text = `${below} of ${counted(known.length, "case")} (${percent(below / known.length)}) lie below ${poor}: every single result has to be looked at.`;
  return [{ verdict: "look", title: "It fails often", text }];
}

/** Test images: nobody chose anything by them. */
function setAside({ tests, scores }: ReportData): TrustCheck[] {
  const test = tests.find(({ configurations }) => configurations.join() === scores!.configurations.join());
  if (test === undefined) return [];
  const { low, high } = test.dice;
  const agrees = low === null || high === null || (high >= (scores!.dice.low ?? 0) && low <= (scores!.dice.high ?? 1));
  if (test.dice.cases < scores!.fewestToTell) return [];
  const text = `On ${counted(test.dice.cases, "image")} that no training and no choice has seen the mean Dice is ${dice(test.dice.mean)}`;
  if (agrees) return [{ verdict: "good", title: "Confirmed on test images", text: `${text}.` }];
  return [
    {
      verdict: "look",
      title: "Test images differ",
      text: `${text}, beyond what chance explains: they may be of another kind.`,
    },
  ];
}

function budget({ givenUp }: ReportData): TrustCheck[] {
  if (givenUp === undefined) return [];
  const text = `Only ${givenUp.budget} were allowed: ${givenUp.sentences[0] ?? ""} ${givenUp.sentences.length > 1 ? `And ${givenUp.sentences.length - 1} more, below.` : ""}`;
  return [{ verdict: "look", title: "A budget was kept", text: text.trim() }];
}

function training({ trainings, scores }: ReportData): TrustCheck[] {
  const used = trainings.filter(
    ({ configuration, isFinished }) => isFinished && scores!.configurations.includes(configuration),
  );
  if (used.length === 0) return [];
  const epochs = Math.min(...used.map((curves) => curves.epochs.length));
  if (epochs >= usualEpochs) return [];
  // Flat curves prove nothing: the learning rate falls to 0 at the end of a training of any length.
  const text = `${counted(epochs, "epoch")} instead of nnU-Net's ${usualEpochs}. The scores are true of these networks; longer trained ones would likely have better ones.`;
  return [{ verdict: "open", title: "Short training", text }];
}

function choice({ candidates, choice: chosen }: ReportData): TrustCheck[] {
  const next = candidates.find(({ certainty }) => certainty !== null);
  if (chosen === undefined || next === undefined) return [];
  const { certainty } = next;
  const share = next.chosenIsBetter ?? Number.NaN;
  const name = configurationName(next.configurations);
  const optimism =
    "The choice was made on the same cases as the scores, so the score of the best of several is a little too good.";
  const text =
    certainty === "clear"
      ? `${configurationName(chosen.configurations)} is ahead of ${name} (${dice(next.dice.mean)}) in ${percent(share)} of the tries when the cases are drawn anew at random. ${optimism}`
      : `${name} (${dice(next.dice.mean)}) is nearly as good: when the cases are drawn anew at random the choice is ahead in ${percent(share)} of the tries. ${optimism}`;
  if (certainty === "too few cases") {
    const few = `With so few cases nobody can tell whether ${configurationName(chosen.configurations)} is better than ${name} (${dice(next.dice.mean)}) on other cases of the same kind. ${optimism}`;
    return [{ verdict: "look", title: "Too few cases to tell which is better", text: few }];
  }
  return [{ verdict: "good", title: certainty === "clear" ? "A clear choice" : "A close choice", text }];
}

function variety({ fingerprint }: ReportData): TrustCheck[] {
  if (fingerprint === undefined) return [];
  const { spacings } = fingerprint;
  const range = [0, 1, 2].map((axis) => {
    const values = spacings.map((spacing) => spacing[axis]!);
    return Math.max(...values) / Math.min(...values);
  });
  if (Math.max(...range) < 1.05) {
    const text =
      "All images have the same voxel spacing, so they may come from one scanner and one protocol. Others were not tested.";
    return [{ verdict: "open", title: "One kind of image", text }];
  }
  return [];
}

const elsewhere: TrustCheck = {
  verdict: "open",
  title: "Other hospitals, scanners and patients",
  text: "All cases come from this dataset. How the network does on images from elsewhere has to be measured there.",
};
