import { FileError, listed, type Plans, type RawDataset, type Splits } from "@nnunet/core";
import { exists } from "@nnunet/core/node";
import { type Fold, type Folders, preprocessedPaths, resultsPaths } from "../folders.ts";
import { casesOfFold, knownFolds } from "../training/splits.ts";

/** A cascade of a dataset: the configurations of its two networks by name. */
export interface Cascade {
  readonly folders: Folders;
  readonly dataset: RawDataset;
  readonly plans: Plans;
  readonly first: string;
  readonly second: string;
}

/**
 * Which fold of the first network segments each case for a fold of the second: the one that has it among its validation
 * cases. For fold "all" these, too, where all of them are trained, or else fold "all" of the first network.
 *
 * @throws {FileError} if one of them is not trained, or a case is among the validation cases of no fold
 */
export async function foldsThatHeldOut(
  cascade: Cascade,
  fold: Fold,
  caseIds: readonly string[],
): Promise<ReadonlyMap<string, Fold>> {
  const { folders, dataset, first, second } = cascade;
  const splits: Splits[number][] = [];
  const { all } = await knownFolds(folders, dataset);
  for (const known of all) {
    splits.push((await casesOfFold(folders, dataset, known, { write: false })).split);
  }
  const chosen = new Map<string, Fold>();
  for (const id of caseIds) {
    const held = heldOutBy(splits, id, fold);
    if (held !== undefined) chosen.set(id, held);
  }
  const needed = [...new Set(chosen.values())].sort((a, b) => Number(a) - Number(b));
  const missing: Fold[] = [];
  for (const one of needed) if (!(await exists(firstNetworkFold(cascade, one).model))) missing.push(one);
  const unheld = caseIds.find((id) => !chosen.has(id));
  if (missing.length === 0 && unheld === undefined) return chosen;
  if (fold === "all") {
    if (await exists(firstNetworkFold(cascade, "all").model)) return new Map(caseIds.map((id) => [id, "all"]));
    throw notTrained(cascade, unheld === undefined ? missing : [], true);
  }
  if (unheld === undefined) throw notTrained(cascade, missing, false);
  const problem = `no fold has case ${unheld} among its validation cases, so no ${first} can segment it for ${second} without having seen it; add it to the val list of a fold`;
  throw new FileError(preprocessedPaths(folders, dataset.name).splits, problem);
}

/** Every path of a fold of the first network. */
export function firstNetworkFold({ folders, dataset, plans, first }: Cascade, fold: Fold) {
  return resultsPaths(folders, dataset.name, plans.plansName, first).fold(fold);
}

/** The fold to be preferred is the one of the same number: its validation cases are those of the second network. */
function heldOutBy(splits: Splits, id: string, fold: Fold): number | undefined {
  const holdsOut = ({ train, val }: Splits[number]) => val.includes(id) && !train.includes(id);
  const same = typeof fold === "number" ? splits[fold] : undefined;
  if (same && holdsOut(same)) return fold as number;
  const found = splits.findIndex(holdsOut);
  return found < 0 ? undefined : found;
}

function notTrained(cascade: Cascade, missing: readonly Fold[], orAll: boolean): FileError {
  const { folders, dataset, plans, first, second } = cascade;
  const command = (fold: Fold) => `\`train(${dataset.id}, ${first}, ${fold})\``;
  const { folder } = resultsPaths(folders, dataset.name, plans.plansName, first);
  const [one, ...others] = missing;
  if (one === undefined) {
    const problem = `fold all is not trained, and ${second} needs its segmentations`;
    return new FileError(folder, `${problem}; first run ${command("all")}`);
  }
  const folds = others.length === 0 ? `fold ${one} is` : `folds ${listed(missing.map(String))} are`;
  const more = others.length === 0 ? "" : `, and the same for ${listed(others.map(String))}`;
  const instead = orAll ? `, or ${command("all")}` : "";
  const needs = `${second} is trained on what ${first} finds in cases that it has not seen`;
  return new FileError(
    folder,
    `${folds} not trained to the end, and ${needs}; first run ${command(one)}${more}${instead}`,
  );
}
