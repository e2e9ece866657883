import type { BatchSource, TrainingBatch } from "@nnunet/core";
import { type Augmentation, createBatchSampler, defaultBatchSampler } from "@nnunet/augment";
import { Piscina } from "piscina";
import { inPlace } from "../config/in-place.ts";
import type { BatchRequest, BatchWorkerData } from "./batch-workers.ts";
import { type Carried, carry } from "./carry-error.ts";
import { openSource } from "./source-description.ts";
import { stageInWorker } from "./stage-place.ts";

/*
 * Entry of a worker thread that makes batches. It opens the cases once, and makes whatever batch is asked for: a batch
 * depends on (seed, epoch, iteration) alone, so it does not matter which worker makes which.
 */

const { casesFolder, sources, stage } = Piscina.workerData as BatchWorkerData;
const sampler = stageInWorker(stage, defaultBatchSampler, (exported: object) =>
  "augment" in exported
    ? createBatchSampler(inPlace(exported as Augmentation))
    : (exported as typeof defaultBatchSampler),
);
sampler.catch(() => {}); // told to whoever asks for a batch
const opened = sources.map(async (source): Promise<BatchSource> => openSource(await sampler, casesFolder, source));
for (const source of opened) source.catch(() => {}); // told to whoever asks for a batch

export default async function makeBatch({ source, epoch, iteration }: BatchRequest): Promise<unknown> {
  return transferable(await carry(async () => (await opened[source]!).batch(epoch, iteration)));
}

/** A sampler of one's own may give anything. */
function isBatch(given: unknown): boolean {
  return typeof given === "object" && given !== null && "data" in given && "targets" in given;
}

/** Hands the arrays over instead of copying them. */
function transferable(carried: Carried<TrainingBatch>): unknown {
  if ("error" in carried || !isBatch(carried.result)) return carried; // the trainer says what a batch is
  const { data, targets } = carried.result;
  const buffers = [...new Set([data.buffer, ...targets.map((target) => target.data.buffer)])];
  return Piscina.move({
    get [Piscina.transferableSymbol]() {
      return buffers as unknown as object;
    },
    get [Piscina.valueSymbol]() {
      return carried;
    },
  } as never);
}
