import { watchMemory } from "../budget/watch-memory.ts";
import type { JobEstimate } from "./job.ts";

/** Does some work and says how long it took and how much memory this process had at its peak meanwhile. */
export async function measured<T>(work: () => Promise<T>): Promise<{ readonly result: T; readonly took: JobEstimate }> {
  const began = performance.now();
  const memory = watchMemory();
  try {
    const result = await work();
    return { result, took: { seconds: (performance.now() - began) / 1000, memoryGb: memory.peakGb() } };
  } finally {
    memory.stop();
  }
}
