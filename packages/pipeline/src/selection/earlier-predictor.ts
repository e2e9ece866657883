import { counted, isJsonObject, listed } from "@nnunet/core";
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
 * @param next - `compared`: the configurations that it was chosen among
 * @returns undefined where there is no predictor; `isKept`: the one that is there was made of more networks, judged by more
 *   cases, or is better and was not among what is compared now, so that it is no worse for being older
 */
export async function earlierPredictor(
  folder: string,
  next: {
    readonly members: readonly Pick<PredictorDescription["members"][number], "configuration" | "folds">[];
    readonly compared: readonly string[];
  } & Pick<PredictorDescription, "score">,
): Promise<{ readonly text: string; readonly isKept: boolean } | undefined> {
  const { description: path } = predictorPaths(folder);
  if (!(await exists(path))) return undefined;
  const before: Described | undefined = await readJson(path)
    .then((json) => descriptionFromJson(json, path))
    .catch(() => undefined);
  if (before === undefined) return undefined;
  const text = `replacing the predictor in ${folder}: it was ${named(before)}; the new one is ${named(next)}`;
  const isMore = networks(before) > networks(next) || before.score.cases > next.score.cases;
  const missing = before.members
    .map(({ configuration }) => configuration)
    .filter((name) => !next.compared.includes(name));
  const isBetter = missing.length > 0 && (before.score.dice ?? 0) > (next.score.dice ?? 1);
  const remarks = [
    ...(isMore ? ["of less evidence or fewer networks"] : []),
    ...(isBetter
      ? [
          `which is worse: ${listed(missing)} had no part in the comparison; \`findBest()\` compares all that is trained`,
        ]
      : []),
  ];
  return { text: [text, ...remarks].join(", "), isKept: isMore || isBetter };
}

/** "2d + 3d_fullres, 10 networks (Dice 0.8712 over 60 cases)" */
function named({ members, score: { dice, cases } }: Omit<Parameters<typeof earlierPredictor>[1], "compared">): string {
  const names = members.map(({ configuration }) => configuration).join(" + ");
  const score = dice === null ? "not validated" : `Dice ${dice.toFixed(4)} over ${counted(cases, "case")}`;
  return `${names}, ${counted(networks({ members }), "network")} (${score})`;
}

const networks = ({ members }: { readonly members: readonly { readonly folds: readonly unknown[] }[] }) =>
  members.reduce((sum, { folds }) => sum + folds.length, 0);
