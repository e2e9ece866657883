import type { Postprocessor } from "@nnunet/core";

/** What a postprocessor decided, with the stage that knows what to do with it. */
export interface DecidedPostprocessing {
  readonly postprocessor: Postprocessor;
  readonly decided: unknown;
}
