import type { BatchSource, TrainingBatch } from "@nnunet/core";

/**
 * The batches of one epoch in order, with `ahead` of them being made while the caller works on one. How far ahead we
 * ask never changes a batch, since each is a function of its number.
 */
export async function* prefetchEpoch(
  source: BatchSource,
  epoch: number,
  iterations: number,
  ahead = 3,
): AsyncGenerator<TrainingBatch> {
  const pending: Promise<TrainingBatch>[] = [];
  let next = 0;
  try {
    while (next < iterations || pending.length > 0) {
      while (next < iterations && pending.length <= ahead) {
        const batch = Promise.resolve(source.batch(epoch, next++)); // one of one's own may give it at once
        batch.catch(() => {}); // reported when its turn comes
        pending.push(batch);
      }
      yield await pending.shift()!;
    }
  } finally {
    await Promise.allSettled(pending);
  }
}
