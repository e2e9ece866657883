import type { BatchSource, TrainingBatch } from "@nnunet/core";
import { Piscina } from "piscina";
import { type Carried, unpack } from "./carry-error.ts";
import type { SourceDescription } from "./source-description.ts";
import type { StageModule } from "./stage-place.ts";
import { workerEntry } from "./worker-entry.ts";

export interface BatchWorkerData {
  readonly casesFolder: string;
  readonly sources: readonly SourceDescription[];
  /** The sampler, where that is not the default one. */
  readonly stage?: StageModule | undefined;
}

export interface BatchRequest {
  /** Index into `sources`. */
  readonly source: number;
  readonly epoch: number;
  readonly iteration: number;
}

export interface BatchWorkersOptions extends BatchWorkerData {
  readonly workers: number;
  /** Batches per epoch of each source, so that prefetching goes on into the next epoch. */
  readonly iterations: readonly number[];
  /** Batches made ahead per source; one per worker and one more by default. This bounds the memory that waits. */
  readonly prefetch?: number;
}

/**
 * Batch sources whose batches are made ahead in worker threads and handed over without a copy. The batches are those
 * that the sampler makes in this thread, bit for bit, whatever the number of workers.
 *
 * @returns one source per description; closing the last one ends the workers
 */
export function createBatchWorkers(options: BatchWorkersOptions): BatchSource[] {
  const { workers, casesFolder, sources, stage, iterations, prefetch = workers + 1 } = options;
  const workerData: BatchWorkerData = { casesFolder, sources, stage };
  const pool = new Piscina({
    filename: workerEntry("batch-worker"),
    workerData,
    minThreads: workers,
    maxThreads: workers,
  });
  // Ending a worker while it hands over a batch makes Piscina emit an error, so the last batches are waited for.
  const inWork = new Set<Promise<unknown>>();
  let open = sources.length;

  return sources.map((_, source) => {
    const waiting = new Map<string, Promise<Carried<TrainingBatch>>>();
    const perEpoch = iterations[source]!;
    const request = (epoch: number, iteration: number) => {
      const key = `${epoch}:${iteration}`;
      let made = waiting.get(key);
      if (!made) {
        made = pool.run({ source, epoch, iteration } satisfies BatchRequest) as Promise<Carried<TrainingBatch>>;
        const settled: Promise<unknown> = made.catch(() => {}).finally(() => inWork.delete(settled));
        inWork.add(settled); // also catches the failure of a batch that nobody came for
        waiting.set(key, made);
      }
      return made;
    };
    let closed = false;
    return {
      workers,
      async batch(epoch, iteration) {
        const made = request(epoch, iteration);
        waiting.delete(`${epoch}:${iteration}`);
        for (let ahead = 1; ahead <= prefetch; ahead++) {
          const next = iteration + ahead;
          request(epoch + Math.floor(next / perEpoch), next % perEpoch);
        }
        // Batches made for an order that was not followed must not pile up.
        for (const key of waiting.keys()) {
          if (waiting.size <= 2 * prefetch) break;
          waiting.delete(key);
        }
        return unpack(await made);
      },
      async close() {
        if (closed) return;
        closed = true;
        waiting.clear();
        if (--open > 0) return;
        await Promise.all(inWork);
        await pool.destroy();
      },
    };
  });
}
