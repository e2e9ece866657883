import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { runBounded } from "../src/workers/bounded-tasks.ts";

describe("runBounded", () => {
  test("keeps to the order, the workers and the memory, for any tasks", () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 100 }), { maxLength: 20 }),
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 150 }),
        async (sizes, workers, maxBytes) => {
          let bytes = 0;
          let running = 0;
          const tasks = sizes.map((size) => ({ input: size, bytes: size }));
          const results = await runBounded("test", tasks, { workers, maxBytes }, async (size, index) => {
            bytes += size;
            running++;
            expect(running).toBeLessThanOrEqual(workers);
            if (running > 1) expect(bytes).toBeLessThanOrEqual(maxBytes);
            await new Promise((resolve) => setImmediate(resolve));
            bytes -= size;
            running--;
            return index;
          });
          expect(results).toEqual(sizes.map((_, index) => index));
        },
      ),
      { seed: 1, numRuns: 60 },
    ));

  test("the first failure stops new work and is thrown after the running work has ended", async () => {
    const started: number[] = [];
    let slowEnded = false;
    const tasks = [0, 1, 2, 3].map((input) => ({ input, bytes: 1 }));
    await expect(
      runBounded("test", tasks, { workers: 2, maxBytes: 10 }, async (input) => {
        started.push(input);
        if (input === 0) throw new Error("first");
        await new Promise((resolve) => setTimeout(resolve, 20));
        slowEnded = true;
      }),
    ).rejects.toThrow("first");
    expect(started).toEqual([0, 1]);
    expect(slowEnded).toBe(true);
  });

  test("an aborted signal ends it as cancelled", async () => {
    const abort = new AbortController();
    const tasks = [1, 2, 3].map((input) => ({ input, bytes: 1 }));
    const bounds = { workers: 1, maxBytes: 10, signal: abort.signal };
    await expect(runBounded("the work", tasks, bounds, async () => abort.abort())).rejects.toThrow(
      "the work: cancelled",
    );
  });
});
