import {
  counted,
  type Fingerprint,
  fingerprintFromJson,
  labelSet,
  listed,
  type Plans,
  type RawDataset,
} from "@nnunet/core";
import { exists, readJson } from "@nnunet/core/node";
import { fewestToCompare } from "@nnunet/evaluate";
import { drawNetwork, planWarnings } from "@nnunet/planner";
import type { NetworkDrawing, ReportData } from "@nnunet/report";
import { preprocessedPaths } from "../folders.ts";
import { writtenSplits } from "../selection/cross-validation.ts";
import { asTrained, reductions } from "./trained-plans.ts";
import { contentHash } from "../records/made-from.ts";
import { ownStages } from "./own-stages.ts";
import { trainedRecipes } from "./trained-recipes.ts";
import { softwareVersion } from "../software-version.ts";
import type { Context } from "../stages.ts";
import { candidateScores } from "./candidate-scores.ts";
import { caseDivision } from "./case-division.ts";
import { caseNames, reportedLabels, scoresOf } from "./case-scores.ts";
import { fileHashes } from "./file-hashes.ts";
import { type FoldResult, foldResults } from "./fold-results.ts";
import { shownCases } from "./shown-cases.ts";
import { reportedChoice } from "./report-choice.ts";
import type { ScoredCandidate } from "./scored-candidates.ts";
import { givenUpFor } from "../selection/given-up.ts";
import { caseGroups } from "../training/case-groups.ts";
import { hasSeenItsCases } from "../training/division.ts";
import { testScores } from "./test-scores.ts";
import { jobWarnings } from "./job-warnings.ts";
import { jobsOf } from "./report-jobs.ts";
import { trainingCurves } from "./training-curves.ts";

export interface CollectOptions {
  /** Write the ids of the cases; their numbers alone by default, so that the report may be handed on. */
  readonly caseNames?: boolean | undefined;
  /** Show slices of the images; true by default. */
  readonly pictures?: boolean | undefined;
}

/**
 * Everything that a report says of a dataset and a plan, from what lies in the three folders. What is not there yet is
 * left out, and said.
 */
export async function collectReport(
  context: Context,
  dataset: RawDataset,
  plans: Plans | undefined,
  { caseNames: withIds = false, pictures = true }: CollectOptions = {},
): Promise<ReportData> {
  const { folders } = context;
  const paths = preprocessedPaths(folders, dataset.name);
  const warnings: string[] = [];
  const fingerprint = (await exists(paths.fingerprint))
    ? fingerprintFromJson(await readJson(paths.fingerprint), paths.fingerprint)
    : undefined;
  if (plans === undefined) warnings.push("There is no plan yet, so nothing is trained.");
  else if (fingerprint) warnings.push(...planWarnings(plans, fingerprint, dataset.json));
  const labels = reportedLabels(dataset);
  const keys = labels.map(({ key }) => key);
  const folds = plans ? await foldResults(folders, dataset, plans) : [];
  const trainings = await trainingCurves(folds);
  const reported = plans && (await reportedChoice(folders, dataset, plans, folds, labels));
  const selected = reported?.choice.by === "selection" ? reported.choice.configurations : undefined;
  const nameOf = caseNames(dataset, withIds);
  const splits = await writtenSplits(folders, dataset);
  const trained = plans && (await asTrained(folders, dataset, plans));
  if (plans && trained) warnings.push(...reductions(plans, trained));
  warnings.push(...missingFolds(folds), ...(reported?.warnings ?? []));
  warnings.push(...(await jobWarnings(folders, dataset, { told: warnings, withNames: withIds })));
  const own = plans ? await ownStages(plans, folds) : [];
  const recipes = await trainedRecipes(folds);
  const division = await caseDivision(folders, dataset, await caseGroups(folders, dataset.name), splits);
  const givenUp = plans && (await givenUpFor(folders, dataset, plans));
  const said: Omit<ReportData, "shownCases" | "jobs" | "madeFrom"> = {
    dataset: {
      name: dataset.name,
      channels: dataset.json.channelNames,
      labels: labels.map(({ key, name }) => ({ key, name })),
      trainingCases: dataset.trainingCases.length,
      testCases: dataset.testCases.length,
    },
    ...(fingerprint && { fingerprint: withoutCaseIds(fingerprint) }),
    ...(plans && {
      plan: {
        name: plans.plansName,
        ruleSet: plans.ruleSet,
        planner: plans.planner,
        decisions: plans.explanation,
      },
    }),
    networks: trained ? drawings(dataset, trained) : [],
    candidates: reported ? candidateScores(reported.candidates, reported.best, keys) : [],
    ...(reported && {
      choice: reported.choice,
      scores: {
        ...scoresOf(dataset, reported.reported, fingerprint, nameOf),
        shows: reported.shows,
        isOfTrainingCases: reported.best.folds.some((fold) => hasSeenItsCases(splits, fold)),
        independentCases: independent(reported.reported),
        fewestToTell: fewestToCompare,
      },
    }),
    ...(division && { division }),
    ...(givenUp && { givenUp: { budget: givenUp.budget, sentences: givenUp.givenUp } }),
    tests: plans ? await testScores(context, dataset, plans, keys, selected) : [],
    trainings,
    postprocessing: reported?.postprocessing ?? [],
    warnings,
    software: softwareVersion,
    ...(recipes.length > 0 && { recipes }),
    ...(own.length > 0 && { ownStages: own }),
    files: await fileHashes(folders, dataset, plans, folds),
  };
  const madeFrom = contentHash(JSON.parse(JSON.stringify(said)));
  const problems: string[] = [];
  const shown =
    pictures && reported ? await shownCases(dataset, reported.reported, nameOf, (text) => problems.push(text)) : [];
  return {
    ...said,
    shownCases: shown,
    jobs: await jobsOf(folders, dataset, trainings, withIds),
    warnings: [...warnings, ...problems],
    madeFrom,
  };
}

/** Cases, or groups of cases that belong together. */
function independent({ cases }: ScoredCandidate): number {
  const groups = new Set(cases.flatMap(({ group }) => group ?? []));
  return groups.size + cases.filter(({ group }) => group === undefined).length;
}

function withoutCaseIds({ caseIds: _, ...fingerprint }: Fingerprint): Fingerprint {
  return fingerprint;
}

function drawings(dataset: RawDataset, plans: Plans): NetworkDrawing[] {
  const { outputChannels, foreground } = labelSet(dataset.json);
  return Object.entries(plans.configurations).map(([name, configuration]) => {
    const channels = dataset.json.channelNames.length;
    const inputChannels = channels + (configuration.previousConfiguration === undefined ? 0 : foreground.length);
    return { configuration: name, svg: drawNetwork(configuration, { title: name, inputChannels, outputChannels }) };
  });
}

/** Configurations that lack folds which others have, and folds that were trained and not validated. */
function missingFolds(folds: readonly FoldResult[]): string[] {
  const configurations = [...new Set(folds.map(({ configuration }) => configuration))];
  const all = [...new Set(folds.map(({ fold }) => fold))];
  return configurations.flatMap((name) => {
    const has = new Set(folds.filter((f) => f.configuration === name && f.summary).map(({ fold }) => fold));
    const missing = all.filter((fold) => !has.has(fold));
    if (missing.length === 0) return [];
    return [`${name} has no scores of ${counted(missing.length, "fold")}: ${listed(missing.map(String))}.`];
  });
}
