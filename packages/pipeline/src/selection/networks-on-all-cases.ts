import { readdir } from "node:fs/promises";
import { dirname } from "node:path";
import { FileError, findConfiguration, InvalidArgumentError, listed, type Plans, type RawDataset } from "@nnunet/core";
import { exists, readJson } from "@nnunet/core/node";
import { summaryFromJson } from "@nnunet/evaluate";
import { type Fold, type Folders, foldsAmong, resultsPaths } from "../folders.ts";
import { hasSeenItsCases } from "../training/division.ts";
import { writtenSplits } from "./cross-validation.ts";

/** Networks of one configuration that have seen every case: nothing says how good they are. */
export interface NetworksOnAllCases {
  readonly configuration: string;
  readonly modelFolder: string;
  readonly folds: readonly Fold[];
}

interface Asked {
  readonly configurations?: readonly string[] | undefined;
  readonly folds?: readonly Fold[] | undefined;
}

/**
 * The networks that become a predictor without a comparison: where fold "all" is asked for, or nothing but trainings on all
 * cases is there.
 *
 * @returns undefined where there is something to compare, or nothing at all
 * @throws {FileError} if several configurations have such networks, so that nothing says which to take, or the fold that is
 *   asked for is not trained
 * @throws {InvalidArgumentError} if fold "all" is asked for beside others
 */
export async function networksOnAllCases(
  folders: Folders,
  dataset: RawDataset,
  plans: Plans,
  { configurations = Object.keys(plans.configurations), folds }: Asked,
): Promise<NetworksOnAllCases | undefined> {
  const isAsked = folds?.includes("all") === true;
  if (isAsked && folds.length > 1) {
    const expected = 'folds of a cross-validation, or "all" by itself: it has seen what they are validated on';
    throw new InvalidArgumentError("folds", expected, folds);
  }
  const splits = await writtenSplits(folders, dataset);
  const found: NetworksOnAllCases[] = [];
  for (const configuration of configurations) {
    findConfiguration(plans, configuration);
    const model = resultsPaths(folders, dataset.name, plans.plansName, configuration);
    const trained: Fold[] = [];
    for (const fold of foldsAmong(await readdir(model.folder).catch(() => []))) {
      if ((await exists(model.fold(fold).model)) && (folds?.includes(fold) ?? true)) trained.push(fold);
    }
    const onAll = trained.filter((fold) => hasSeenItsCases(splits, fold));
    for (const fold of trained) {
      // something to compare: what was trained on all cases is no evidence beside it
      if (!onAll.includes(fold) && (await isEvidence(model.fold(fold).summary))) return undefined;
    }
    const numbered = onAll.filter((fold) => fold !== "all");
    if (onAll.length > 0) {
      found.push({ configuration, modelFolder: model.folder, folds: numbered.length > 0 ? numbered : onAll });
    }
  }
  const [only, ...others] = found;
  if (others.length > 0) {
    const names = listed(found.map(({ configuration }) => configuration));
    throw new FileError(
      dirname(only!.modelFolder),
      `${names} are trained on all cases, so that nothing says which of them is better; name one by \`configurations\` to have its predictor made, not validated, or train the folds of a cross-validation`,
    );
  }
  if (only === undefined && isAsked) {
    const root = resultsPaths(folders, dataset.name, plans.plansName, configurations[0]!).folder;
    const what = configurations.length === 1 ? configurations[0]! : "no configuration";
    const problem =
      configurations.length === 1 ? `fold all of ${what} is not trained` : "fold all is trained of no configuration";
    throw new FileError(root, `${problem}; train it first`);
  }
  return only;
}

async function isEvidence(summary: string): Promise<boolean> {
  if (!(await exists(summary))) return true; // it can be validated yet: the comparison says how
  return summaryFromJson(await readJson(summary), summary).remark === undefined;
}
