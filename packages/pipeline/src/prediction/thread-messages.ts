import type { NnunetEvent } from "@nnunet/core";
import type { Carried } from "../workers/carry-error.ts";
import type { StageModule } from "../workers/stage-place.ts";
import type { LoadedFrom } from "./load-predictor.ts";
import type { CaseTask } from "./segment-case.ts";

/** What a thread is given at its start. */
export interface CaseThreadData {
  readonly from: LoadedFrom;
  /** Of `predictorHash`: what the main thread has loaded. */
  readonly hash: string;
  /** The stage that predicts; the default one if left out. */
  readonly stage: StageModule | undefined;
}

export type ToCaseThread =
  | { readonly type: "segment"; readonly task: CaseTask }
  | { readonly type: "cancel" }
  | { readonly type: "close" };

export type FromCaseThread =
  | { readonly type: "event"; readonly event: NnunetEvent }
  | { readonly type: "done"; readonly answer: Carried<void> };
