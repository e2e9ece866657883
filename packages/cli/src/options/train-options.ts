import type { TrainOptions } from "@nnunet/pipeline";
import type { TrainFlags } from "./options.ts";
import type { Session } from "../session.ts";
import { settingsOf } from "./training-settings.ts";

/** The flags of `train` as the pipeline's options. */
export function trainOptionsOf(flags: TrainFlags, { signal, onEvent }: Session): TrainOptions {
  const { workers, maxMemory, device, batchSize, baseFeatures, randomSplit } = flags;
  const settings = settingsOf(flags);
  return { settings, workers, maxMemoryGb: maxMemory, device, batchSize, baseFeatures, randomSplit, signal, onEvent };
}
