import type { BatchSource, TrainingBatch } from "@nnunet/core";
import { type Augmentation, createBatchSampler, defaultBatchSampler } from "@nnunet/augment";
import { Piscina } from "piscina";
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
  "augment" in exported ? createBatchSampler(exported as Augmentation) : (exported as typeof defaultBatchSampler),
);
sampler.catch(() => {}); // told to whoever asks for a batch
const opened = sources.map(async (source): Promise<BatchSource> => openSource(await sampler, casesFolder, source));
for (const source of opened) source.catch(() => {}); // told to whoever asks for a batch

export default async function makeBatch({ source, epoch, iteration }: BatchRequest): Promise<unknown> {
  return transferable(await carry(async () => (await opened[source]!).batch(epoch, iteration)));
}

/** The buffers of a batch's arrays; a sampler of one's own may give anything, and the trainer says what a batch is. */
function buffersOf(given: unknown): ArrayBuffer[] {
  const { data, targets } = (given ?? {}) as Partial<TrainingBatch>;
  const arrays: unknown[] = [data, ...(Array.isArray(targets) ? targets.map((target) => target?.data) : [])];
  const buffers = arrays.flatMap((array) => (ArrayBuffer.isView(array) ? [array.buffer] : []));
  return [...new Set(buffers)].filter((buffer) => buffer instanceof ArrayBuffer);
}

/** Hands the arrays over instead of copying them. */
function transferable(carried: Carried<TrainingBatch>): unknown {
  if ("error" in carried) return carried;
  const buffers = buffersOf(carried.result);
  if (buffers.length === 0) return carried;
  return Piscina.move({
    get [Piscina.transferableSymbol]() {
      return buffers as unknown as object;
    },
    get [Piscina.valueSymbol]() {
      return carried;
    },
  } as never);
}
