import type { RawDataset, StageOptions } from "@nnunet/core";
import type { PredictorDescription } from "../prediction/predictor-description.ts";
import { earlierPredictor, isPredictorOf } from "./earlier-predictor.ts";
import { type PredictorParts, writePredictor } from "./write-predictor.ts";

/** A final predictor, and what is said of it. */
interface Put
  extends Pick<PredictorParts, "plans" | "members" | "postprocessing" | "information">,
    Pick<PredictorDescription, "postprocessor" | "score" | "chosen" | "warnings"> {
  readonly dataset: RawDataset;
  /** The configurations that it was chosen among. */
  readonly compared: readonly string[];
}

/**
 * Writes a predictor, unless the one that is there is made from the same; tells what it replaces, and where that is kept.
 *
 * @param madeFrom - hash of all that it depends on
 * @param describe - asked only if it is written
 * @returns whether it was written
 */
export async function putPredictor(
  folder: string,
  options: StageOptions,
  madeFrom: string,
  describe: () => Put,
): Promise<boolean> {
  if (await isPredictorOf(folder, madeFrom)) return false;
  const { dataset, plans, members, postprocessing, information, compared, ...described } = describe();
  const earlier = await earlierPredictor(folder, { members, compared, score: described.score });
  const isKept = earlier?.isKept === true;
  // What is not validated replaces nothing quietly.
  const isLoud = isKept || described.score.cases === 0;
  if (earlier) say(options, isLoud ? "warning" : "info", earlier.text);
  const aside = await writePredictor(folder, {
    dataset: dataset.json,
    plans,
    members,
    postprocessing,
    information,
    keepEarlier: isKept,
    description: { dataset: dataset.name, plans: plans.plansName, madeFrom, ...described },
  });
  const why = isKept ? "" : " had been changed by hand, and";
  if (aside !== undefined) say(options, "warning", `the predictor that was there${why} is kept: ${aside}`);
  return true;
}

/** Tells something under the name of the step. */
export function say({ onEvent }: StageOptions, level: "info" | "warning", text: string): void {
  onEvent?.({ type: "message", stage: "find-best", level, text });
}
