import { expect, test } from "@jest/globals";
import { bottleneck } from "../src/bottleneck.ts";

const makers = { workers: 3, cores: 8, validationIterations: 50 };
const record = { stepSeconds: 8, waitSeconds: 0.1, validationSeconds: 1.7, checkpointSeconds: 0.2 };

test("an epoch says what it waits for", () => {
  expect(bottleneck(record, makers).text).toBe("the bottleneck is the training step, 80 % of the epoch");
  expect(bottleneck({ ...record, waitSeconds: 30 }, makers).text).toBe(
    "the bottleneck is waiting for batches, 75 % of the epoch; more `workers` (they are 3, for 8 cores) would help, or a faster disk for the preprocessed data",
  );
  expect(bottleneck({ ...record, checkpointSeconds: 10 }, makers).text).toMatch(
    /^the bottleneck is writing checkpoints, 51 % of the epoch; a faster disk/,
  );
  expect(bottleneck({ ...record, validationSeconds: 15 }, makers).text).toMatch(
    /^the bottleneck is the validation, 64 % of the epoch; fewer `validationIterations` would help$/,
  );
});

test("what would not help is not advised: more workers than cores, workers for a sampler that cannot travel, less than one validation batch", () => {
  const waiting = (given: object) => bottleneck({ ...record, waitSeconds: 30 }, { ...makers, ...given }).text;
  for (const [workers, cores, shown] of [
    [64, 2, "the 64 for 2 cores"],
    [1, 1, "the 1 for 1 core"],
    [8, 8, "the 8 for 8 cores"],
  ] as const) {
    expect(waiting({ workers, cores })).toMatch(
      /; an augmentation that costs less, .* would help, more `workers` than /,
    );
    expect(waiting({ workers, cores })).toContain(`${shown} would not`);
  }
  expect(waiting({ workers: undefined })).toMatch(
    /; they are made in the training's own thread: .* runs in worker threads$/,
  );
  const validation = bottleneck({ ...record, validationSeconds: 15 }, { ...makers, validationIterations: 1 }).text;
  expect(validation).toMatch(/; more `iterationsPerEpoch` would help$/);
});
