import { join } from "node:path";
import {
  type CaseFiles,
  counted,
  type EvaluationSummary,
  FileError,
  labelSet,
  type Plans,
  type RawDataset,
  type StageOptions,
  throwIfCancelled,
} from "@nnunet/core";
import { pathBelow, readJson, whileLocked } from "@nnunet/core/node";
import { summaryFromJson } from "@nnunet/evaluate";
import { segmentationFromMean } from "@nnunet/inference";
import { writeImage } from "@nnunet/io";
import { openProbabilities } from "@nnunet/preprocess";
import { ensembleFolder } from "../folders.ts";
import { segmentationEnding } from "../prediction/prediction-output.ts";
import { contentHash, exists, recordedHash, recordHash } from "../records/made-from.ts";
import { refuseLink } from "../records/own-files.ts";
import { softwareVersion } from "../software-version.ts";
import { type Context, identity } from "../stages.ts";
import { evaluatePairs } from "../steps/evaluate-folders.ts";
import { timedStage } from "../steps/timed-stage.ts";
import type { ValidatedConfiguration } from "./cross-validation.ts";
import { casesOf } from "./validation-cases.ts";

/** One validation case of an ensemble: where each configuration's probabilities of it lie. */
interface EnsembleCase {
  readonly files: CaseFiles;
  readonly stores: readonly string[];
}

/**
 * Segments the validation cases by the mean of what several configurations said of them, each by the fold that had not
 * seen the case, and scores them. Made from the same probabilities as before, what is there is kept.
 *
 * @returns what `summary.json` beside the segmentations says
 * @throws {FileError} if a case is validated in two folds, or is none of the dataset any more
 */
export async function scoreEnsemble(
  context: Context,
  dataset: RawDataset,
  plans: Plans,
  members: readonly ValidatedConfiguration[],
  { signal, onEvent }: StageOptions = {},
): Promise<EvaluationSummary> {
  const names = members.map(({ configuration }) => configuration);
  const folder = ensembleFolder(context.folders, dataset.name, plans.plansName, names);
  const summaryPath = join(folder, "summary.json");
  const madeFrom = join(folder, "made_from.json");
  const labels = labelSet(dataset.json);
  const cases = ensembleCases(dataset, members);
  const open = ({ files, stores }: EnsembleCase) =>
    Promise.all(stores.map((store) => openProbabilities(store, files.id)));
  const hashes: string[][] = [];
  for (const each of cases) hashes.push((await open(each)).map(({ contentHash: hash }) => hash));
  const inputs = contentHash([
    softwareVersion,
    labels,
    identity(context.stages.evaluator),
    cases.map((c) => c.files.id),
    hashes,
  ]);
  return whileLocked(
    folder,
    "scoring an ensemble",
    async () => {
      if ((await exists(summaryPath)) && (await recordedHash(madeFrom, "ensemble")) === inputs) {
        return summaryFromJson(await readJson(summaryPath), summaryPath);
      }
      await refuseLink(folder);
      const ending = await segmentationEnding(
        dataset.json,
        cases.map(({ files }) => files),
        { onEvent },
      );
      const target = ({ id }: CaseFiles) => pathBelow(folder, `${id}${ending}`);
      const detail = `${names.join(" + ")}, ${counted(cases.length, "case")}`;
      await timedStage("ensemble", { total: cases.length, detail }, { onEvent }, async () => {
        for (const [done, each] of cases.entries()) {
          throwIfCancelled(signal, "ensembling");
          const segmentation = await segmentationFromMean(await open(each), labels, signal ? { signal } : {});
          await writeImage(target(each.files), segmentation, { overwrite: true });
          onEvent?.({ type: "progress", stage: "ensemble", done: done + 1, total: cases.length, item: each.files.id });
        }
        return { result: undefined };
      });
      const pairs = cases.map(({ files }) => ({ reference: files.label!, prediction: target(files) }));
      const summary = await evaluatePairs(context, pairs, dataset.json, summaryPath, {
        misplaced: "warn",
        overwrite: true,
        ...(signal && { signal }),
        ...(onEvent && { onEvent }),
      });
      await recordHash(madeFrom, "ensemble", inputs);
      return summary;
    },
    { wait: { stage: "ensemble" }, ...(signal && { signal }), ...(onEvent && { onEvent }) },
  );
}

function ensembleCases(dataset: RawDataset, [first, ...others]: readonly ValidatedConfiguration[]): EnsembleCase[] {
  const byId = new Map(dataset.trainingCases.map((files) => [files.id, files]));
  const seen = new Map<string, number>();
  return first!.compared.flatMap(({ fold, paths, summary }, i) =>
    casesOf(summary).map((id) => {
      const files = byId.get(id);
      if (!files?.label)
        throw new FileError(paths.summary, `names case ${id}, which is no training case of ${dataset.name}`);
      const before = seen.get(id);
      if (before !== undefined) {
        throw new FileError(
          paths.summary,
          `case ${id} is validated in fold ${before} and in fold ${fold}; ensembles need each case once`,
        );
      }
      seen.set(id, fold);
      return {
        files,
        stores: [paths, ...others.map(({ compared }) => compared[i]!.paths)].map((p) => p.probabilities),
      };
    }),
  );
}
