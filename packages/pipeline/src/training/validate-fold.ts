import { join } from "node:path";
import { type CaseFiles, type EvaluationSummary, labelSet, type RawDataset, type StageOptions } from "@nnunet/core";
import { pathBelow, readJson } from "@nnunet/core/node";
import { summaryFromJson } from "@nnunet/evaluate";
import { type Device, loadModel } from "@nnunet/inference";
import { evaluatePairs } from "../steps/evaluate-folders.ts";
import { foldPaths } from "../folders.ts";
import { contentHash, exists, recordedHash, recordHash } from "../records/made-from.ts";
import { refuseLink } from "../records/own-files.ts";
import { predictorOf } from "../prediction/load-predictor.ts";
import { predictCases } from "../prediction/predict-cases.ts";
import { segmentationEnding } from "../prediction/prediction-output.ts";
import { softwareVersion } from "../software-version.ts";
import { type Context, identity } from "../stages.ts";

export interface ValidationOptions extends StageOptions {
  readonly device?: Device | undefined;
  readonly maxMemoryGb?: number | undefined;
  /** Keep the probabilities of the cases in `validation/probabilities`, for ensembles. */
  readonly probabilities?: boolean | undefined;
}

/**
 * Predicts the validation cases of a trained fold as any unseen image would be (sliding window, mirroring, back to
 * the original geometry) and scores them against the original labels.
 *
 * A summary made from the same model and cases by the same stages is kept.
 *
 * @param remark - goes into the summary: what is to be known of these cases
 * @returns what `validation/summary.json` says
 */
export async function validateFold(
  context: Context,
  dataset: RawDataset,
  foldFolder: string,
  { caseIds, remark }: { readonly caseIds: readonly string[]; readonly remark?: string | undefined },
  options: ValidationOptions = {},
): Promise<EvaluationSummary> {
  const paths = foldPaths(foldFolder);
  const model = await loadModel(paths.model, { device: options.device ?? "cpu" });
  try {
    const byId = new Map(dataset.trainingCases.map((files) => [files.id, files]));
    const cases = caseIds.map((id) => byId.get(id)!);
    const inputs = contentHash([
      softwareVersion,
      model.metadata.weightsSha256,
      caseIds,
      labelSet(dataset.json),
      remark,
      identity(context.stages.predictor),
      identity(context.stages.evaluator),
    ]);
    const isKept = (await exists(paths.summary)) && (await recordedHash(paths.madeFrom, "validation")) === inputs;
    const kept = isKept ? summaryFromJson(await readJson(paths.summary), paths.summary) : undefined;
    if (kept && !options.probabilities) return kept;
    await refuseLink(paths.validation);
    const ending = await segmentationEnding(dataset.json, cases, options);
    const target = (files: CaseFiles) => pathBelow(paths.validation, `${files.id}${ending}`);
    const { maxMemoryGb, signal, onEvent } = options;
    // Beside the predictions: it names cases, and what lies beside the model names none.
    const record = { madeFrom: join(paths.validation, "made_from.json"), name: "predictions", also: softwareVersion };
    const predictor = predictorOf([{ models: [model] }]);
    const probabilityStore = options.probabilities ? paths.probabilities : undefined;
    const how = { record, probabilityStore, maxMemoryGb, signal, onEvent };
    await predictCases(context, predictor, cases, { target, existing: "update", ...how });
    if (kept) return kept;
    const pairs = cases.map((files) => ({ reference: files.label!, prediction: target(files) }));
    const summary = await evaluatePairs(context, pairs, dataset.json, paths.summary, {
      signal,
      onEvent,
      misplaced: "warn",
      remark,
      overwrite: true,
    });
    await recordHash(paths.madeFrom, "validation", inputs);
    return summary;
  } finally {
    await model.dispose();
  }
}
