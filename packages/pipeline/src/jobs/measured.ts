import type { JobEstimate } from "./job.ts";

/** Milliseconds between two looks at the memory. */
const every = 250;

/** Does some work and says how long it took and how much memory this process had at its peak meanwhile. */
export async function measured<T>(work: () => Promise<T>): Promise<{ readonly result: T; readonly took: JobEstimate }> {
  const began = performance.now();
  let most = process.memoryUsage.rss();
  const look = () => {
    most = Math.max(most, process.memoryUsage.rss());
  };
  const timer = setInterval(look, every);
  try {
    const result = await work();
    look();
    return { result, took: { seconds: (performance.now() - began) / 1000, memoryGb: most / 1e9 } };
  } finally {
    clearInterval(timer);
  }
}
