import { counted, listed } from "@nnunet/core";
import { dice } from "../numbers.ts";
import type { ReportData } from "../report-data.ts";

/** Why the predictor must not be used as it is, or nothing be claimed of it. */
export interface Alert {
  readonly title: string;
  readonly text: string;
}

/** Below it a segmentation usually has to be made anew. */
export const poor = 0.7;
const mostNames = 5;

/** What a reader has to know before any number; nothing where the scores can be read. */
export function alerts(data: ReportData): Alert[] {
  return [...notValidated(data), ...notFound(data), ...tooFew(data)];
}

function notValidated({ scores, trainings }: ReportData): Alert[] {
  const title = "Not validated";
  if (scores === undefined) {
    if (trainings.length === 0) return [];
    const text =
      "Networks are trained, but none has been scored on cases that it had not seen. Nobody can say how good they are.";
    return [{ title, text }];
  }
  if (!scores.isOfTrainingCases) return [];
  const text =
    "The networks had seen these very cases in training: the scores below say nothing about new ones. Only cases that were held back, or images from elsewhere with references, can tell how good the predictor is.";
  return [{ title, text }];
}

function notFound({ scores }: ReportData): Alert[] {
  const labels = scores?.labels ?? [];
  const missing = labels.filter(({ isFound }) => !isFound);
  if (missing.length === 0) return [];
  const named = missing.slice(0, mostNames).map(({ name, dice: { mean } }) => `${name} (mean Dice ${dice(mean)})`);
  const more = missing.length > mostNames ? [`${missing.length - mostNames} more`] : [];
  const why =
    "Usual reasons: a training far too short, references that do not belong to the images, a label with very few or tiny examples.";
  const isAll = missing.length === labels.filter(({ dice: { mean } }) => mean !== null).length;
  return [
    {
      title: isAll ? "It finds nothing" : `It does not find ${counted(missing.length, "label")}`,
      text: `${isAll ? "No label is segmented" : "Not segmented"}: ${listed([...named, ...more])}. ${why}`,
    },
  ];
}

/** Whether anything follows from the scores for cases that nobody has scored. */
export function allowsClaims({ dice: { low }, ...scores }: NonNullable<ReportData["scores"]>): boolean {
  return !scores.isOfTrainingCases && scores.independentCases >= scores.fewestToTell && low !== null;
}

function tooFew({ scores }: ReportData): Alert[] {
  if (scores === undefined || scores.isOfTrainingCases) return [];
  const { independentCases: few, fewestToTell: fewest } = scores;
  if (few >= fewest) return [];
  const what =
    few < scores.cases.length ? `${counted(few, "group")} of cases that belong together` : counted(few, "case");
  return [
    {
      title: "Too few cases",
      text: `The scores are those of ${what}; the next ones may come out very differently. From fewer than ${fewest} no claim can be made, not even which network is the better one.`,
    },
  ];
}
