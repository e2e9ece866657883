import type { EvaluationSummary, Plans, RawDataset, StageOptions } from "@nnunet/core";
import { type Candidate, candidateConfigurations, findBestConfiguration, summarise } from "@nnunet/evaluate";
import { ensembleFolder } from "../folders.ts";
import { type Context, identity } from "../stages.ts";
import { currentScores, type ScoredFolder } from "../steps/scored-files.ts";
import type { CrossValidation, ValidatedConfiguration, ValidatedFold } from "./cross-validation.ts";
import { completeProbabilities, type ProbabilityOptions } from "./fold-probabilities.ts";
import { nameOfCandidate, type Selection } from "./inference-information.ts";
import { postprocessedCases } from "./postprocessed-cases.ts";
import { scoreEnsemble } from "./score-ensembles.ts";
import { type CasePair, casePairs } from "./validation-cases.ts";

/** The validation cases of a fold, and how they are made again. */
export function foldOf(
  dataset: RawDataset,
  { configuration }: Pick<ValidatedConfiguration, "configuration">,
  { fold, paths, summary }: ValidatedFold,
): ScoredFolder {
  return {
    folder: paths.validation,
    summary,
    by: `fold ${fold} of ${configuration}`,
    again: `run \`train(${dataset.id}, ${configuration}, ${fold}, { continue })\`, which predicts and scores it again`,
  };
}

/** The same cross-validation with the scores of the segmentations that lie there now. */
export async function withCurrentScores(
  context: Context,
  dataset: RawDataset,
  found: CrossValidation,
  options: StageOptions,
): Promise<CrossValidation> {
  const configurations: ValidatedConfiguration[] = [];
  for (const configuration of found.configurations) {
    const compared: ValidatedFold[] = [];
    for (const fold of configuration.compared) {
      const summary = await currentScores(context, dataset, foldOf(dataset, configuration, fold), options);
      compared.push({ ...fold, summary });
    }
    configurations.push({ ...configuration, compared });
  }
  return { ...found, configurations };
}

/**
 * Scores all candidates, ranks them, and decides the postprocessing of the best.
 *
 * @param crossval - gets the validation cases of the best, postprocessed
 */
export async function select(
  context: Context,
  dataset: RawDataset,
  plans: Plans,
  found: CrossValidation,
  crossval: string,
  { ensembles = true, ...options }: ProbabilityOptions & { readonly ensembles?: boolean | undefined },
): Promise<Selection> {
  const byName = new Map(found.configurations.map((each) => [each.configuration, each]));
  const trained = [...byName.keys()];
  const compared = candidateConfigurations(trained).filter((names) => ensembles || names.length === 1);
  const probabilities = new Map<string, ReadonlyMap<string, string>>();
  if (compared.some((names) => names.length > 1)) {
    for (const each of found.configurations) {
      probabilities.set(each.configuration, await completeProbabilities(context, dataset, each, options));
    }
  }
  const candidates: Candidate[] = [];
  const summaries = new Map<string, EvaluationSummary>();
  for (const configurations of compared) {
    const members = configurations.map((name) => byName.get(name)!);
    const hashes = configurations.map((name) => probabilities.get(name)!);
    const summary =
      members.length === 1
        ? summarise(members[0]!.compared.flatMap(({ summary: { cases } }) => cases))
        : await scoreEnsemble(context, dataset, plans, members, hashes, options);
    candidates.push({ configurations, summary });
    summaries.set(nameOfCandidate(configurations), summary);
  }
  const { ranking } = findBestConfiguration(candidates);
  const best = ranking[0]!.configurations;
  const pairs = pairsOf(
    context,
    dataset,
    plans,
    best.map((name) => byName.get(name)!),
    summaries,
  );
  const chosen = await postprocessedCases(context, dataset, plans, pairs, crossval, options);
  const { postprocessor } = context.stages;
  return {
    crossValidation: found,
    ensembles,
    ranking,
    summaries,
    postprocessing: JSON.parse(JSON.stringify(postprocessor.toJson(chosen.decided) ?? null)),
    postprocessor: identity(postprocessor),
    rules: chosen.rules,
    postprocessed: chosen.summary,
  };
}

/** The files of a candidate's validation cases. */
function pairsOf(
  { folders }: Context,
  dataset: RawDataset,
  { plansName }: Plans,
  members: readonly ValidatedConfiguration[],
  summaries: ReadonlyMap<string, EvaluationSummary>,
): CasePair[] {
  const [first] = members;
  if (members.length === 1) {
    return first!.compared.flatMap(({ paths, summary }) => casePairs(dataset, paths.validation, summary));
  }
  const names = members.map(({ configuration }) => configuration);
  const folder = ensembleFolder(folders, dataset.name, plansName, names);
  return casePairs(dataset, folder, summaries.get(nameOfCandidate(names))!);
}
