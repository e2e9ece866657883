import { basename, join } from "node:path";
import {
  type CaseFiles,
  counted,
  type EvaluationSummary,
  FileError,
  isJsonObject,
  labelSet,
  type Plans,
  type RawDataset,
  type StageOptions,
  throwIfCancelled,
} from "@nnunet/core";
import { pathBelow, readJson, whileLocked } from "@nnunet/core/node";
import { summaryFromJson } from "@nnunet/evaluate";
import { segmentationFromMean } from "@nnunet/inference";
import { imageFiles, writeImage } from "@nnunet/io";
import { hashFiles, openProbabilities } from "@nnunet/preprocess";
import { ensembleFolder } from "../folders.ts";
import { segmentationEnding } from "../prediction/prediction-output.ts";
import { changeRecord, contentHash, exists, recordedHash, recordHash } from "../records/made-from.ts";
import { refuseLink } from "../records/own-files.ts";
import { softwareVersion } from "../software-version.ts";
import { type Context, identity } from "../stages.ts";
import { currentScores, groupOfReference, recordScores } from "../steps/scored-files.ts";
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
 * @param members - of {@link crossValidation}, by which no case is validated in two folds
 * @param probabilities - of each member the SHA-256 of the stored probabilities of every case
 * @returns what `summary.json` beside the segmentations says
 * @throws {FileError} if a case is none of the dataset any more
 */
export async function scoreEnsemble(
  context: Context,
  dataset: RawDataset,
  plans: Plans,
  members: readonly ValidatedConfiguration[],
  probabilities: readonly ReadonlyMap<string, string>[],
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
  const hashes = cases.map(({ files }) => probabilities.map((ofCase) => ofCase.get(files.id)!));
  const groups = new Map(members[0]!.compared.flatMap(({ summary }) => groupOfReference(summary)));
  const scored = {
    folder,
    by: `the ensemble ${names.join(" + ")}`,
    again: "run `findBest()` again, which averages its probabilities again",
  };
  const inputs = contentHash([
    softwareVersion,
    labels,
    identity(context.stages.evaluator),
    cases.map((c) => c.files.id),
    hashes,
    [...groups.values()],
  ]);
  return whileLocked(
    folder,
    "scoring an ensemble",
    async () => {
      if ((await exists(summaryPath)) && (await recordedHash(madeFrom, "ensemble")) === inputs) {
        const summary = summaryFromJson(await readJson(summaryPath), summaryPath);
        return await currentScores(context, dataset, { ...scored, summary }, { signal, onEvent });
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
          await recordSegmentation(madeFrom, target(each.files), inputs);
          onEvent?.({ type: "progress", stage: "ensemble", done: done + 1, total: cases.length, item: each.files.id });
        }
        return { result: undefined };
      });
      const pairs = cases.map(({ files }) => ({ reference: files.label!, prediction: target(files) }));
      const summary = await evaluatePairs(context, pairs, dataset.json, summaryPath, {
        misplaced: "warn",
        overwrite: true,
        groups,
        ...(signal && { signal }),
        ...(onEvent && { onEvent }),
      });
      await recordScores(context, dataset, { ...scored, summary });
      await recordHash(madeFrom, "ensemble", inputs);
      return summary;
    },
    { wait: { stage: "ensemble" }, ...(signal && { signal }), ...(onEvent && { onEvent }) },
  );
}

/** As the record of predictions has it, so that a later change of the file is seen. */
async function recordSegmentation(madeFrom: string, path: string, inputs: string): Promise<void> {
  const files = Object.fromEntries(
    await Promise.all((await imageFiles(path)).map(async (part) => [basename(part), await hashFiles([part])] as const)),
  );
  await changeRecord(madeFrom, (record) => {
    const before = isJsonObject(record["predictions"]) ? record["predictions"] : {};
    return { ...record, predictions: { ...before, [basename(path)]: { inputs, files } } };
  });
}

function ensembleCases(dataset: RawDataset, [first, ...others]: readonly ValidatedConfiguration[]): EnsembleCase[] {
  const byId = new Map(dataset.trainingCases.map((files) => [files.id, files]));
  return first!.compared.flatMap(({ paths, summary }, i) =>
    casesOf(summary).map((id) => {
      const files = byId.get(id);
      if (!files?.label)
        throw new FileError(paths.summary, `names case ${id}, which is no training case of ${dataset.name}`);
      return {
        files,
        stores: [paths, ...others.map(({ compared }) => compared[i]!.paths)].map((p) => p.probabilities),
      };
    }),
  );
}
