import { join } from "node:path";
import {
  type CaseFiles,
  type EvaluationSummary,
  findConfiguration,
  labelSet,
  type ModelMetadata,
  modelMetadataFromOnnx,
  type Plans,
  type RawDataset,
  type StageOptions,
} from "@nnunet/core";
import { pathBelow, readJson, readRegularFile } from "@nnunet/core/node";
import { summaryFromJson } from "@nnunet/evaluate";
import { type Device, loadModel } from "@nnunet/inference";
import { probabilitiesSha256, storedProbabilitiesHash } from "@nnunet/preprocess";
import { evaluatePairs } from "../steps/evaluate-folders.ts";
import { recordScores } from "../steps/scored-files.ts";
import { fileName } from "../selection/validation-cases.ts";
import { caseGroups } from "./case-groups.ts";
import { areKeptForNextStages, gridsOfNextStages, keepForNextStages, nextStages } from "../cascade/next-stage.ts";
import type { PreviousSegmentations } from "../cascade/previous-segmentations.ts";
import { type Fold, type FoldPaths, foldPaths } from "../folders.ts";
import { changeRecord, contentHash, exists, recordedHash, recordHash } from "../records/made-from.ts";
import { refuseLink } from "../records/own-files.ts";
import { predictorOf } from "../prediction/load-predictor.ts";
import { predictCases } from "../prediction/predict-cases.ts";
import { segmentationEnding } from "../prediction/prediction-output.ts";
import type { FoldInputs } from "./fold-inputs.ts";
import { softwareVersion } from "../software-version.ts";
import { type Context, identity } from "../stages.ts";

export interface ValidationOptions extends StageOptions {
  readonly device?: Device | undefined;
  readonly maxMemoryGb?: number | undefined;
  /** Keep the probabilities of the cases in `validation/probabilities`, for ensembles. */
  readonly probabilities?: boolean | undefined;
}

/** Which cases a fold is validated on, and with what. */
export interface ValidationCases extends Pick<FoldInputs, "remark" | "casesFolder" | "previous"> {
  readonly caseIds: readonly string[];
  /** They say which configurations come after this one. */
  readonly plans: Plans;
}

/**
 * Predicts the validation cases of a trained fold as any unseen image would be (sliding window, mirroring, back to
 * the original geometry) and scores them against the original labels.
 *
 * A summary made from the same model and cases by the same stages is kept.
 *
 * In a cascade the first network of the prediction is the fold that had not seen the case. What the fold of a first
 * network finds is kept for the configurations that come after it.
 *
 * @param remark - goes into the summary: what is to be known of these cases
 * @returns what `validation/summary.json` says
 */
export async function validateFold(
  context: Context,
  dataset: RawDataset,
  foldFolder: string,
  validated: ValidationCases,
  options: ValidationOptions = {},
): Promise<EvaluationSummary> {
  const { caseIds, remark, plans, casesFolder, previous } = validated;
  const paths = foldPaths(foldFolder);
  const { device = "cpu", maxMemoryGb, signal, onEvent } = options;
  const model = await loadModel(paths.model, { device });
  try {
    const { metadata } = model;
    const byId = new Map(dataset.trainingCases.map((files) => [files.id, files]));
    const cases = caseIds.map((id) => byId.get(id)!);
    const inputs = validationInputs(context, dataset, metadata, validated);
    const isKept = await isRecorded(paths, inputs);
    const kept = isKept ? summaryFromJson(await readJson(paths.summary), paths.summary) : undefined;
    // For the configurations that come after it, what somebody removed or a disk damaged is made again.
    if (kept && !options.probabilities && nextStages(plans, metadata.configuration).length === 0) return kept;
    await refuseLink(paths.validation);
    const ending = await segmentationEnding(dataset.json, cases, options);
    const target = (files: CaseFiles) => pathBelow(paths.validation, `${files.id}${ending}`);
    // Beside the predictions: it names cases, and what lies beside the model names none.
    const record = { madeFrom: join(paths.validation, "made_from.json"), name: "predictions", also: softwareVersion };
    const probabilityStore = options.probabilities ? paths.probabilities : undefined;
    const how = { target, existing: "update", record, probabilityStore, maxMemoryGb, signal, onEvent } as const;
    for (const [fold, some] of byPreviousFold(cases, previous)) {
      const first = fold === undefined ? undefined : await loadModel(previous!.models.get(fold)!, { device });
      try {
        await predictCases(context, predictorOf([{ models: [model], ...(first && { previous: [first] }) }]), some, how);
      } finally {
        await first?.dispose();
      }
    }
    const found = { plans, metadata, cases, segmentationOf: target, casesFolder };
    await keepForNextStages(foldFolder, found, { signal, onEvent });
    if (probabilityStore !== undefined) await recordProbabilities(record.madeFrom, probabilityStore, caseIds);
    if (kept) return kept;
    const pairs = cases.map((files) => ({ reference: files.label!, prediction: target(files) }));
    const summary = await evaluatePairs(context, pairs, dataset.json, paths.summary, {
      signal,
      onEvent,
      misplaced: "warn",
      remark,
      overwrite: true,
      groups: await caseGroups(context.folders, dataset.name),
    });
    await recordScores(context, dataset, { folder: paths.validation, summary });
    await recordHash(paths.madeFrom, "validation", inputs);
    return summary;
  } finally {
    await model.dispose();
  }
}

/**
 * Whether {@link validateFold} would keep what is there: the summary, what is kept for the configurations that come after
 * this one, and where they are asked for the probabilities. Of these it is only seen that they are there and whole.
 */
export async function isValidated(
  context: Context,
  dataset: RawDataset,
  foldFolder: string,
  validated: ValidationCases,
  { probabilities = false }: Pick<ValidationOptions, "probabilities"> = {},
): Promise<boolean> {
  const paths = foldPaths(foldFolder);
  if (!(await exists(paths.model))) return false;
  const metadata = modelMetadataFromOnnx(await readRegularFile(paths.model), paths.model);
  if (!(await isRecorded(paths, validationInputs(context, dataset, metadata, validated)))) return false;
  const { caseIds, plans } = validated;
  if (!(await areKeptForNextStages(foldFolder, plans, metadata, caseIds))) return false;
  for (const id of probabilities ? caseIds : []) {
    if ((await storedProbabilitiesHash(paths.probabilities, id)) === undefined) return false;
  }
  return true;
}

/** Whether the cases were scored by this model, and none of their segmentations was taken away since. */
async function isRecorded({ summary, madeFrom, validation }: FoldPaths, inputs: string): Promise<boolean> {
  if (!(await exists(summary)) || (await recordedHash(madeFrom, "validation")) !== inputs) return false;
  for (const { predictionFile } of summaryFromJson(await readJson(summary), summary).cases) {
    if (!(await exists(join(validation, fileName(predictionFile))))) return false;
  }
  return true;
}

/** What the probabilities are, so that it is seen if somebody changes them. */
async function recordProbabilities(madeFrom: string, store: string, ids: readonly string[]): Promise<void> {
  const hashes: Record<string, string> = {};
  for (const id of ids) hashes[id] = await probabilitiesSha256(store, id);
  await changeRecord(madeFrom, (record) => ({ ...record, probabilities: hashes }));
}

function validationInputs(
  { stages }: Context,
  dataset: RawDataset,
  metadata: ModelMetadata,
  { caseIds, remark, plans, previous }: ValidationCases,
): string {
  const patchAxes = findConfiguration(metadata.plans, metadata.configuration).patchSize.length;
  return contentHash([
    softwareVersion,
    metadata.weightsSha256,
    caseIds,
    labelSet(dataset.json),
    remark,
    identity(stages.predictor),
    identity(stages.evaluator),
    ...(metadata.mirrorAxes.length < patchAxes ? [metadata.mirrorAxes] : []),
    ...(previous ? [caseIds.map((id) => previous.ofCase.get(id)!.hash)] : []),
    ...gridsOfNextStages(plans, metadata.configuration),
  ]);
}

/** The cases by the fold of the first network that had not seen them; all together where there is no first network. */
function byPreviousFold(
  cases: readonly CaseFiles[],
  previous: PreviousSegmentations | undefined,
): Map<Fold | undefined, CaseFiles[]> {
  const groups = new Map<Fold | undefined, CaseFiles[]>();
  for (const files of cases) {
    const fold = previous?.ofCase.get(files.id)?.fold;
    groups.set(fold, [...(groups.get(fold) ?? []), files]);
  }
  return groups;
}
