import { pathBelow } from "@nnunet/core/node";
import { counted, findConfiguration, type Plans, type RawDataset, UnknownStageError } from "@nnunet/core";
import { caseBytes, refuseLargeCases } from "./case-memory.ts";
import { type CaseWork, overCases, type PoolOptions } from "../workers/case-pool.ts";
import { isPreprocessed, type PreprocessTask, preprocessCaseFiles } from "../workers/case-tasks.ts";
import { placeOf, type Staged } from "../workers/stage-place.ts";
import { preprocessedPaths } from "../folders.ts";
import { moveEarlierCases } from "./earlier-store.ts";
import { casesFolder, type Context, defaultStages } from "../stages.ts";
import { timedStage } from "./timed-stage.ts";

export interface PreprocessResult {
  readonly configuration: string;
  readonly folder: string;
  /** Cases made now; the others were there already, from the same bytes and plan. */
  readonly made: number;
  readonly skipped: number;
}

/**
 * Raw cases + plan → preprocessed cases, in parallel within the memory bound; finished ones are skipped by content.
 *
 * @param configurations - all of the plan if none are named; configurations that share their data are done once
 */
export async function preprocessDataset(
  context: Context,
  dataset: RawDataset,
  plans: Plans,
  configurations: readonly string[],
  options: PoolOptions = {},
): Promise<PreprocessResult[]> {
  const { stages, folders } = context;
  const names = configurations.length > 0 ? configurations : Object.keys(plans.configurations);
  const results: PreprocessResult[] = [];
  const seen = new Set<string>();
  for (const name of names) {
    const configuration = findConfiguration(plans, name);
    if (seen.has(configuration.dataIdentifier)) continue;
    seen.add(configuration.dataIdentifier);
    const folder = casesFolder(context, dataset.name, configuration.dataIdentifier);
    const total = dataset.trainingCases.length;
    const detail = `${counted(total, "case")} for ${name}`;
    results.push(
      await timedStage("preprocess", { total, detail }, options, async () => {
        const paths = preprocessedPaths(folders, dataset.name);
        if (folder === paths.cases(configuration.dataIdentifier)) {
          const ids = dataset.trainingCases.map(({ id }) => id);
          await moveEarlierCases(paths.earlierCases(configuration.dataIdentifier), folder, ids);
        }
        const place = placeOf(stages.preprocessor, defaultStages.preprocessor, "preprocess", options);
        const run = place.workers
          ? "preprocess"
          : (task: PreprocessTask) => preprocessCaseFiles(stages.preprocessor, task);
        const tasks: CaseWork<Staged<PreprocessTask>>[] = [];
        for (const task of caseTasks(context, dataset, plans, name, options.inputHashes)) {
          const { files } = task;
          const bytes = await caseBytes(files, plans.transposeForward, [configuration]);
          const input = { ...task, ...(place.workers && { stage: place.module }) };
          tasks.push({ id: files.id, bytes, writes: pathBelow(folder, files.id), input });
        }
        refuseLargeCases(`preprocessing for ${name}:`, tasks, options);
        const done = await overCases<Staged<PreprocessTask>, { made: boolean }>("preprocess", tasks, run, options);
        const made = done.filter((result) => result.made).length;
        const result = { configuration: name, folder, made, skipped: total - made };
        return { result, detail: `${made} made, ${total - made} up to date` };
      }),
    );
  }
  if (results.length === 0) throw new UnknownStageError("configuration", "", Object.keys(plans.configurations));
  return results;
}

/** Whether every case is there as {@link preprocessDataset} would make it. */
export async function isDatasetPreprocessed(
  context: Context,
  dataset: RawDataset,
  plans: Plans,
  configuration: string,
  inputHashes: ReadonlyMap<string, string>,
): Promise<boolean> {
  for (const task of caseTasks(context, dataset, plans, configuration, inputHashes)) {
    if (!(await isPreprocessed(context.stages.preprocessor, task))) return false;
  }
  return true;
}

function caseTasks(
  context: Context,
  dataset: RawDataset,
  plans: Plans,
  configuration: string,
  inputHashes: ReadonlyMap<string, string> | undefined,
): PreprocessTask[] {
  const { dataIdentifier } = findConfiguration(plans, configuration);
  const folder = casesFolder(context, dataset.name, dataIdentifier);
  const shared = { dataset: dataset.json, plans, configuration, folder };
  return dataset.trainingCases.map((files) => ({ ...shared, files, inputHash: inputHashes?.get(files.id) }));
}
