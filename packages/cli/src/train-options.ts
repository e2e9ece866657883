import type { TrainOptions } from "@nnunet/pipeline";
import type { TrainFlags } from "./options.ts";
import type { Session } from "./session.ts";

/** The flags of `train` as the pipeline's options. */
export function trainOptionsOf(flags: TrainFlags, { signal, onEvent }: Session): TrainOptions {
  const { workers, maxMemory, engine, device, epochs, iterationsPerEpoch, batchSize, baseFeatures, seed, randomSplit } =
    flags;
  return {
    workers,
    maxMemoryGb: maxMemory,
    engine,
    device,
    epochs,
    iterationsPerEpoch,
    batchSize,
    baseFeatures,
    seed,
    randomSplit,
    signal,
    onEvent,
  };
}
