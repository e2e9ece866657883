import type { CaseFiles } from "@nnunet/core";
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

/** Entry of a worker thread: one exported function per kind of task. */
export const hash = (files: CaseFiles): Promise<Carried<unknown>> => carry(() => hashCase(files));
export const measure = (task: MeasureTask): Promise<Carried<unknown>> =>
  carry(() => measureCaseFiles(defaultFingerprintExtractor, task));
export const preprocess = (task: PreprocessTask): Promise<Carried<unknown>> =>
  carry(() => preprocessCaseFiles(defaultPreprocessor, task));
