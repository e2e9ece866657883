import { readdir } from "node:fs/promises";
import { dirname } from "node:path";
import {
  counted,
  type EvaluationSummary,
  FileError,
  findConfiguration,
  type Plans,
  type RawDataset,
  type Splits,
  type StageOptions,
} from "@nnunet/core";
import { readJson } from "@nnunet/core/node";
import { splitsFromJson, summaryFromJson } from "@nnunet/evaluate";
import { type Fold, type Folders, type FoldPaths, foldsAmong, preprocessedPaths, resultsPaths } from "../folders.ts";
import { exists } from "../records/made-from.ts";
import { caseGroups, refuseDividedGroups, withGroups } from "../training/case-groups.ts";
import { divisionOf, recordedDivision } from "../training/division.ts";
import { casesOf } from "./validation-cases.ts";

/** One validated fold: evidence that says something about new images. */
export interface ValidatedFold {
  readonly fold: number;
  readonly paths: FoldPaths;
  readonly summary: EvaluationSummary;
}

/** A trained configuration with the folds that are compared. */
export interface ValidatedConfiguration {
  readonly configuration: string;
  readonly modelFolder: string;
  /** Ascending, the same for every configuration. */
  readonly compared: readonly ValidatedFold[];
  /** All of its folds of the cross-validation: the final predictor has the mean of these. */
  readonly folds: readonly number[];
}

/** Something that was not compared, and why. */
export interface LeftOut {
  readonly configuration: string;
  /** Of the configuration; absent if it was left out as a whole. */
  readonly folds?: readonly number[];
  readonly reason: string;
}

export interface CrossValidation {
  /** Simpler ones first; at least one. */
  readonly configurations: readonly ValidatedConfiguration[];
  readonly folds: readonly number[];
  readonly leftOut: readonly LeftOut[];
}

export interface CrossValidationOptions extends Pick<StageOptions, "onEvent"> {
  /** By default every configuration of the plan that is trained. */
  readonly configurations?: readonly string[] | undefined;
  /** By default those that all configurations have. */
  readonly folds?: readonly Fold[] | undefined;
  /** Refuse where a configuration or one of the folds of splits_final.json is missing, instead of comparing what is common. */
  readonly strict?: boolean | undefined;
}

/**
 * What of a dataset's trainings can be compared: the folds that every configuration has been validated on. What is left
 * out is told, and why.
 *
 * @throws {UnknownStageError} if the plan has no such configuration
 * @throws {FileError} if nothing is validated, no fold is common to all, two configurations were validated on different
 *   cases, or with `strict` something is missing
 */
export async function crossValidation(
  folders: Folders,
  dataset: RawDataset,
  plans: Plans,
  { configurations, folds, strict = false, onEvent }: CrossValidationOptions = {},
): Promise<CrossValidation> {
  const names = simplerFirst(plans, configurations ?? Object.keys(plans.configurations));
  const splits = await writtenSplits(folders, dataset);
  const groups = await caseGroups(folders, dataset.name);
  if (splits) refuseDividedGroups(preprocessedPaths(folders, dataset.name), splits, groups);
  const leftOut: LeftOut[] = [];
  const found: { configuration: string; modelFolder: string; validated: ValidatedFold[] }[] = [];
  for (const configuration of names) {
    const { folder: modelFolder } = resultsPaths(folders, dataset.name, plans.plansName, configuration);
    const { validated, missing } = await validatedFolds(folders, dataset, plans, configuration, splits);
    leftOut.push(...missing);
    const grouped = validated.map((each) => ({ ...each, summary: withGroups(each.summary, groups) }));
    if (validated.length > 0) found.push({ configuration, modelFolder, validated: grouped });
    else if (missing.length === 0) leftOut.push({ configuration, reason: "not trained" });
  }
  const folderOf = (name: string) => resultsPaths(folders, dataset.name, plans.plansName, name).folder;
  const root = dirname(folderOf(names[0]!));
  if (found.length === 0) {
    const reasons = leftOut.map(({ configuration, reason }) => `${configuration}: ${reason}`).join("; ");
    throw new FileError(root, `nothing has been validated that could be compared (${reasons}); train folds first`);
  }
  const all = [...new Set(found.flatMap(({ validated }) => validated.map(({ fold }) => fold)))].sort((a, b) => a - b);
  const asked = folds?.filter((fold) => fold !== "all");
  const wanted = asked ?? (strict && splits ? splits.map((_, fold) => fold) : all);
  const common = wanted.filter((fold) => found.every(({ validated }) => validated.some((each) => each.fold === fold)));
  for (const { configuration, validated } of found) {
    const lacking = wanted.filter((fold) => !validated.some((each) => each.fold === fold));
    const reason = "not trained and validated";
    const untold = lacking.filter(
      (fold) => !leftOut.some((l) => l.configuration === configuration && l.folds?.includes(fold)),
    );
    if (untold.length > 0) leftOut.push({ configuration, folds: untold, reason });
    const surplus = validated.map(({ fold }) => fold).filter((fold) => wanted.includes(fold) && !common.includes(fold));
    if (surplus.length > 0) leftOut.push({ configuration, folds: surplus, reason: "another configuration lacks them" });
  }
  const [first] = leftOut.filter(({ reason }) => !reason.startsWith("another"));
  if (strict && first) {
    const { configuration, folds: missing } = first;
    const advice = `train ${missing && missing.length > 1 ? "them" : "it"}, or compare what there is without \`strict\``;
    throw new FileError(folderOf(configuration), `${sentence(first)}; ${advice}`);
  }
  if (common.length === 0) {
    const have = found.map(
      ({ configuration, validated }) => `${configuration} has ${validated.map((v) => v.fold).join(", ")}`,
    );
    throw new FileError(
      root,
      `no fold is validated in every configuration (${have.join("; ")}); train the same folds of each, or name those to compare`,
    );
  }
  for (const each of leftOut) {
    onEvent?.({ type: "message", stage: "find-best", level: "warning", text: `not compared: ${sentence(each)}` });
  }
  const compared = found.map(({ configuration, modelFolder, validated }) => ({
    configuration,
    modelFolder,
    compared: validated.filter(({ fold }) => common.includes(fold)),
    folds: validated.map(({ fold }) => fold),
  }));
  refuseOtherCases(compared);
  refuseSharedCases(compared[0]!);
  return { configurations: compared, folds: common, leftOut };
}

/** "2d, folds 1, 2: …" */
export function sentence(leftOut: LeftOut): string {
  return `${nameOfLeftOut(leftOut)}: ${leftOut.reason}`;
}

/** "2d, folds 1, 2" */
export function nameOfLeftOut({ configuration, folds }: Pick<LeftOut, "configuration" | "folds">): string {
  return `${configuration}${folds ? `, ${folds.length === 1 ? "fold" : "folds"} ${folds.join(", ")}` : ""}`;
}

/** As the plan lists them, the second networks of cascades last: they need another network to run. */
function simplerFirst(plans: Plans, names: readonly string[]): string[] {
  const isSecond = (name: string) => findConfiguration(plans, name).previousConfiguration !== undefined;
  return [...names.filter((name) => !isSecond(name)), ...names.filter(isSecond)];
}

/** The folds of the cross-validation; undefined where only the results are there. */
export async function writtenSplits(folders: Folders, dataset: RawDataset): Promise<Splits | undefined> {
  const { splits: path } = preprocessedPaths(folders, dataset.name);
  if (!(await exists(path))) return undefined;
  const ids = dataset.trainingCases.map(({ id }) => id);
  return splitsFromJson(await readJson(path), path, ids);
}

/**
 * The folds of one configuration that were trained to the end and validated on cases that they had not seen. One of an
 * earlier division of the cases is none of them: it may have seen what other folds are validated on, or count a case twice.
 */
async function validatedFolds(
  folders: Folders,
  dataset: RawDataset,
  plans: Plans,
  configuration: string,
  splits: Splits | undefined,
): Promise<{ validated: ValidatedFold[]; missing: LeftOut[] }> {
  const model = resultsPaths(folders, dataset.name, plans.plansName, configuration);
  const folds = foldsAmong(await readdir(model.folder).catch(() => []));
  const validated: ValidatedFold[] = [];
  const missing: LeftOut[] = [];
  for (const fold of folds.filter((each) => each !== "all")) {
    const paths = model.fold(fold);
    const leaveOut = (reason: string) => missing.push({ configuration, folds: [fold], reason });
    if (!(await exists(paths.model))) leaveOut("not trained to the end");
    else if (!(await exists(paths.summary))) {
      leaveOut(
        `trained, but not validated; run \`train(${dataset.id}, ${configuration}, ${fold}, { continue })\` first`,
      );
    } else {
      const summary = summaryFromJson(await readJson(paths.summary), paths.summary);
      if (summary.remark !== undefined) leaveOut(`no fold of the cross-validation (${summary.remark})`);
      else if (summary.cases.length === 0) leaveOut("validated on no case");
      else if (splits && !(await isOfDivision(splits, fold, paths, summary))) leaveOut(otherDivision);
      else validated.push({ fold, paths, summary });
    }
  }
  return { validated, missing };
}

export const otherDivision = "trained or validated on other cases than splits_final.json has for it now";

/**
 * Whether a fold was trained and validated on the cases that it has by these splits: of an earlier division, it was not. A
 * training without a record of its division is known by its validation cases alone.
 */
export async function isOfDivision(
  splits: Splits,
  fold: number,
  { folder }: Pick<FoldPaths, "folder">,
  summary: EvaluationSummary,
): Promise<boolean> {
  if (casesOf(summary).sort().join("\n") !== [...(splits[fold]?.val ?? [])].sort().join("\n")) return false;
  const recorded = await recordedDivision(folder);
  return recorded === undefined || recorded[fold] === divisionOf(splits)[fold];
}

/** A case that two folds are validated on would count twice. */
function refuseSharedCases({ compared }: ValidatedConfiguration): void {
  const foldOf = new Map<string, number>();
  for (const { fold, paths, summary } of compared) {
    for (const id of casesOf(summary)) {
      const other = foldOf.get(id);
      if (other !== undefined) {
        const problem = `fold ${fold} is validated on ${id}, as fold ${other} is, and the case would count twice`;
        throw new FileError(
          paths.summary,
          `${problem}; name folds that share no case by \`folds\`, or correct splits_final.json and train again`,
        );
      }
      foldOf.set(id, fold);
    }
  }
}

/** Two means are compared only where they are over the same cases. */
function refuseOtherCases(configurations: readonly ValidatedConfiguration[]): void {
  const [first, ...others] = configurations;
  for (const other of others) {
    for (const [i, { fold, paths, summary }] of other.compared.entries()) {
      const [ours, theirs] = [casesOf(first!.compared[i]!.summary).sort(), casesOf(summary).sort()];
      if (ours.join("\n") === theirs.join("\n")) continue;
      const differing = [...theirs.filter((id) => !ours.includes(id)), ...ours.filter((id) => !theirs.includes(id))];
      throw new FileError(
        paths.summary,
        `fold ${fold} was validated on other cases than fold ${fold} of ${first!.configuration} (${counted(differing.length, "case")} in one of the two only, ${differing[0]} first); train both with the same splits_final.json`,
      );
    }
  }
}
