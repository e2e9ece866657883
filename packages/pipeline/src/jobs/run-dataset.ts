import { existsSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import {
  type CaseFiles,
  counted,
  datasetToJson,
  type EvaluationSummary,
  InvalidArgumentError,
  InvalidArtifactError,
  type PlannerOptions,
  type RawDataset,
  type StageOptions,
} from "@nnunet/core";
import { pathBelow, whileLocked } from "@nnunet/core/node";
import { convertDataset, findDatasetFolder, openDataset, verifyDataset } from "@nnunet/io";
import { evaluatePairs, pairFolders } from "../steps/evaluate-folders.ts";
import { fingerprintDataset } from "../steps/fingerprint-dataset.ts";
import { hashCases } from "../steps/hash-cases.ts";
import { type Fold, preprocessedPaths, resultsPaths } from "../folders.ts";
import { contentHash, recordedHash, recordHash } from "../records/made-from.ts";
import { loadPlans, planDataset } from "../steps/plan-dataset.ts";
import { refuseLink } from "../records/own-files.ts";
import { loadPredictor } from "../prediction/load-predictor.ts";
import { predictCases } from "../prediction/predict-cases.ts";
import { segmentationEnding } from "../prediction/prediction-output.ts";
import { preprocessDataset } from "../steps/preprocess-dataset.ts";
import { softwareVersion } from "../software-version.ts";
import type { Context } from "../stages.ts";
import { casesOfFold } from "../training/splits.ts";
import { type TrainFoldResult, type TrainOptions, trainFold } from "../training/train-fold.ts";

export interface RunOptions extends Omit<TrainOptions, "existing" | "together"> {
  /** By default 3d_fullres, or 2d where the plan has no other. */
  readonly configurations?: readonly string[];
  /** By default 0 to 4. */
  readonly folds?: readonly Fold[];
  readonly planner?: PlannerOptions;
  /** Name of a plan that is there, of whatever tool, instead of planning. */
  readonly plansName?: string | undefined;
}

export interface RunResult {
  readonly dataset: RawDataset;
  readonly plansPath: string;
  readonly folds: readonly {
    readonly configuration: string;
    readonly fold: Fold;
    readonly training: TrainFoldResult;
  }[];
  /** Segmentations of imagesTs by the mean of the folds; empty if the dataset has no test images. */
  readonly test: readonly TestResult[];
}

export interface TestResult {
  readonly configuration: string;
  readonly folder: string;
  /** Against labelsTs, where the dataset has such a folder. */
  readonly summary?: EvaluationSummary;
}

/**
 * Everything, in order: convert, verify, fingerprint, plan, preprocess, train and validate each fold, segment the
 * test images, score them. What was made before from the same bytes, plan and options is kept; what changed is redone.
 *
 * @param named - id, name or folder of a raw dataset, or a Decathlon or nnU-Net v1 folder, which is converted first
 */
export async function runDataset(context: Context, named: string, options: RunOptions = {}): Promise<RunResult> {
  const { configurations, folds = [0, 1, 2, 3, 4], planner, plansName, ...training } = options;
  const { signal, onEvent } = options;
  if (plansName !== undefined && Object.keys(planner ?? {}).length > 0) {
    throw new InvalidArgumentError("plansName", "a plan that is there, or options of a planner, not both", plansName);
  }
  if (new Set(folds).size < folds.length) throw new InvalidArgumentError("fold", "every fold once", folds);
  const dataset = await openOrConvert(context, named, options);
  const inputHashes = await hashCases("verify", dataset.trainingCases, options);
  await verifyOnce(context, dataset, inputHashes, options);
  // A fold that cannot be trained is refused before hours of other work.
  for (const fold of folds) await casesOfFold(context.folders, dataset, fold, training);
  const pool = { ...training, inputHashes, verified: true };
  await fingerprintDataset(context, dataset, pool);
  const { plans, path: plansPath } =
    plansName === undefined
      ? await planDataset(context, dataset, { ...planner, keep: true, signal, onEvent })
      : {
          plans: await loadPlans(context.folders, dataset, plansName),
          path: preprocessedPaths(context.folders, dataset.name).plans(plansName),
        };
  const names = configurations ?? ["3d_fullres" in plans.configurations ? "3d_fullres" : "2d"];
  await preprocessDataset(context, dataset, plans, names, pool);

  const trained: RunResult["folds"][number][] = [];
  const test: TestResult[] = [];
  for (const configuration of names) {
    for (const fold of folds) {
      const result = await trainFold(context, dataset, plans, configuration, fold, {
        ...training,
        existing: "update",
        together: folds,
      });
      trained.push({ configuration, fold, training: result });
    }
    if (dataset.testCases.length > 0) {
      const own = trained.filter((t) => t.configuration === configuration);
      // As predict does unasked: a fold with a remark, "all" or one divided at random, is none of the cross-validation.
      const ofCrossValidation = own.filter((each) => each.training.validation.remark === undefined);
      const numbered = own.filter(({ fold }) => fold !== "all");
      const averaged = [ofCrossValidation, numbered, own].find(({ length }) => length > 0)!;
      const leftOut = own.filter((each) => !averaged.includes(each)).map(({ fold }) => `fold ${fold}`);
      if (leftOut.length > 0) {
        const text = `${leftOut.join(", ")} left out of the mean for imagesTs: not of the cross-validation`;
        onEvent?.({ type: "message", stage: "predict", level: "info", text });
      }
      const models = averaged.map(({ training: { model } }) => model);
      const testHashes = await hashCases("predict", dataset.testCases, options);
      const folder = testFolder(context, dataset, plans.plansName, configuration);
      const work = () => testConfiguration(context, dataset, { configuration, folder }, models, testHashes, options);
      const wait = { stage: "predict" };
      test.push(await whileLocked(folder, "segmenting imagesTs", work, { wait, signal, onEvent }));
    }
  }
  return { dataset, plansPath, folds: trained, test };
}

/** Opens a dataset; a Decathlon or v1 folder is converted, once. */
async function openOrConvert(
  { folders }: Context,
  named: string,
  { signal, onEvent }: StageOptions,
): Promise<RawDataset> {
  if (existsSync(join(named, "dataset.json")) && !/^Dataset\d{3,}_/.test(basename(resolve(named)))) {
    const id = /^Task(\d+)_/.exec(basename(resolve(named)))?.[1];
    const converted =
      id === undefined ? undefined : await findDatasetFolder(folders.raw, String(Number(id))).catch(() => undefined);
    if (converted === undefined) return convertDataset(named, folders.raw, { signal, onEvent });
    onEvent?.({ type: "message", stage: "convert", level: "info", text: `${converted} is there already` });
    return openDataset(converted);
  }
  return openDataset(await findDatasetFolder(folders.raw, named));
}

/** The integrity check; skipped while no file of the dataset has changed since it passed. */
async function verifyOnce(
  { folders }: Context,
  dataset: RawDataset,
  hashes: ReadonlyMap<string, string>,
  options: StageOptions,
): Promise<void> {
  const { madeFrom } = preprocessedPaths(folders, dataset.name);
  const inputs = contentHash([softwareVersion, datasetToJson(dataset.json), [...hashes]]);
  if ((await recordedHash(madeFrom, "verified")) === inputs) return;
  const report = await verifyDataset(dataset.folder, options);
  const first = report.problems.find((problem) => problem.severity === "error");
  if (first) {
    const count = report.problems.filter((problem) => problem.severity === "error").length;
    const more = count > 1 ? `, and ${counted(count - 1, "more problem")}` : "";
    throw new InvalidArtifactError(
      join(dataset.folder, first.file),
      "",
      `${first.problem}; ${first.fix}${more} (\`verify(${dataset.id})\` lists every problem)`,
    );
  }
  for (const { file, problem, fix } of report.problems) {
    options.onEvent?.({ type: "message", stage: "verify", level: "warning", text: `${file}: ${problem}; ${fix}` });
  }
  await recordHash(madeFrom, "verified", inputs);
}

function testFolder({ folders }: Context, { name }: RawDataset, plansName: string, configuration: string): string {
  return join(resultsPaths(folders, name, plansName, configuration).folder, "imagesTs_predicted");
}

/** Segments and scores the test images; one process at a time, because two may have other models. */
async function testConfiguration(
  context: Context,
  dataset: RawDataset,
  { configuration, folder }: { readonly configuration: string; readonly folder: string },
  modelPaths: readonly string[],
  inputHashes: ReadonlyMap<string, string>,
  { device, maxMemoryGb, signal, onEvent }: RunOptions,
): Promise<TestResult> {
  await refuseLink(folder);
  const ending = await segmentationEnding(dataset.json, dataset.testCases, { onEvent });
  const target = (files: CaseFiles) => pathBelow(folder, `${files.id}${ending}`);
  const predictor = await loadPredictor(modelPaths, { device: device ?? "cpu" });
  try {
    const record = {
      madeFrom: join(folder, "made_from.json"),
      name: "predictions",
      also: softwareVersion,
      inputHashes,
    };
    await predictCases(context, predictor, dataset.testCases, {
      target,
      existing: "update",
      record,
      maxMemoryGb,
      signal,
      onEvent,
    });
  } finally {
    await predictor.dispose();
  }
  const references = join(dataset.folder, "labelsTs");
  if (!existsSync(references)) return { configuration, folder };
  const pairs = await pairFolders(references, folder);
  const summary = await evaluatePairs(context, pairs, dataset.json, join(folder, "summary.json"), {
    overwrite: true,
    signal,
    onEvent,
  });
  return { configuration, folder, summary };
}
