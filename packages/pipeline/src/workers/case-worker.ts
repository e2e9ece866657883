import type { CaseFiles } from "@nnunet/core";
import { defaultEvaluator } from "@nnunet/evaluate";
import { defaultFingerprintExtractor } from "@nnunet/fingerprint";
import { defaultPreprocessor } from "@nnunet/preprocess";
import { type Carried, carry } from "./carry-error.ts";
import {
  hashCase,
  type MeasureTask,
  measureCaseFiles,
  type PreprocessTask,
  preprocessCaseFiles,
} from "./case-tasks.ts";
import { type EvaluateTask, evaluateCaseFiles } from "./evaluate-case.ts";
import { type Staged, stageInWorker } from "./stage-place.ts";

/** Entry of a worker thread: one exported function per kind of task. */
export const hash = (files: CaseFiles): Promise<Carried<unknown>> => carry(() => hashCase(files));
export const measure = ({ stage, ...task }: Staged<MeasureTask>): Promise<Carried<unknown>> =>
  carry(async () => measureCaseFiles(await stageInWorker(stage, defaultFingerprintExtractor), task));
export const preprocess = ({ stage, ...task }: Staged<PreprocessTask>): Promise<Carried<unknown>> =>
  carry(async () => preprocessCaseFiles(await stageInWorker(stage, defaultPreprocessor), task));
export const evaluate = ({ stage, ...task }: Staged<EvaluateTask>): Promise<Carried<unknown>> =>
  carry(async () => evaluateCaseFiles(await stageInWorker(stage, defaultEvaluator), task));
