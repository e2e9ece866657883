import type { TrainOptions } from "@nnunet/pipeline";
import type { TrainFlags } from "./options.ts";
import type { Session } from "../session.ts";
import { settingsOf } from "./training-settings.ts";

/** The flags of `train` as the pipeline's options. */
export function trainOptionsOf(flags: TrainFlags, { signal, onEvent }: Session): TrainOptions {
  const { workers, maxMemory, device, batchSize, baseFeatures, randomSplit, probabilities } = flags;
  const sizes = { batchSize, baseFeatures };
  const how = { workers, maxMemoryGb: maxMemory, device, randomSplit, probabilities };
  return { settings: settingsOf(flags), ...sizes, ...how, signal, onEvent };
}
