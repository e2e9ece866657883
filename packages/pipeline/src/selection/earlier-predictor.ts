import { counted, isJsonObject } from "@nnunet/core";
import { exists, readJson } from "@nnunet/core/node";
import { predictorPaths } from "../folders.ts";
import { descriptionFromJson, type PredictorDescription } from "../prediction/predictor-description.ts";
import { isIntactPredictor } from "./write-predictor.ts";

type Described = Pick<PredictorDescription, "members" | "score">;

/** Whether the predictor in a folder is whole and made from the same. */
export async function isPredictorOf(folder: string, madeFrom: string): Promise<boolean> {
  const { description } = predictorPaths(folder);
  if (!(await exists(description))) return false;
  const json = await readJson(description).catch(() => undefined);
  return isJsonObject(json) && json["made_from"] === madeFrom && (await isIntactPredictor(folder));
}

/**
 * What is replaced, in a sentence, before it is.
 *
 * @returns undefined where there is no predictor; `isMore`: the one that is there was made of more networks, or judged by more
 *   cases, so that it is no worse for being older
 */
export async function earlierPredictor(
  folder: string,
  next: {
    readonly members: readonly Pick<PredictorDescription["members"][number], "configuration" | "folds">[];
  } & Pick<PredictorDescription, "score">,
): Promise<{ readonly text: string; readonly isMore: boolean } | undefined> {
  const { description: path } = predictorPaths(folder);
  if (!(await exists(path))) return undefined;
  const before: Described | undefined = await readJson(path)
    .then((json) => descriptionFromJson(json, path))
    .catch(() => undefined);
  if (before === undefined) return undefined;
  const text = `replacing the predictor in ${folder}: it was ${named(before)}; the new one is ${named(next)}`;
  const isMore = networks(before) > networks(next) || before.score.cases > next.score.cases;
  return { text: isMore ? `${text}, of less evidence or fewer networks` : text, isMore };
}

/** "2d + 3d_fullres, 10 networks (Dice 0.8712 over 60 cases)" */
function named({ members, score: { dice, cases } }: Parameters<typeof earlierPredictor>[1]): string {
  const names = members.map(({ configuration }) => configuration).join(" + ");
  const score = dice === null ? "not validated" : `Dice ${dice.toFixed(4)} over ${counted(cases, "case")}`;
  return `${names}, ${counted(networks({ members }), "network")} (${score})`;
}

const networks = ({ members }: { readonly members: readonly { readonly folds: readonly unknown[] }[] }) =>
  members.reduce((sum, { folds }) => sum + folds.length, 0);
