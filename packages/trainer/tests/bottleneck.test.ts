import { expect, test } from "@jest/globals";
import { bottleneck } from "../src/bottleneck.ts";

test("an epoch says what it waits for", () => {
  const record = { stepSeconds: 8, waitSeconds: 0.1, validationSeconds: 1.7, checkpointSeconds: 0.2 };
  expect(bottleneck(record).text).toBe("the bottleneck is the training step, 80 % of the epoch");
  expect(bottleneck({ ...record, waitSeconds: 30 }).text).toMatch(
    /^the bottleneck is waiting for batches, 75 % of the epoch; more `workers` would help/,
  );
  expect(bottleneck({ ...record, checkpointSeconds: 10 }).text).toMatch(/^the bottleneck is writing checkpoints, 51 %/);
  expect(bottleneck({ ...record, validationSeconds: 15 }).text).toMatch(/^the bottleneck is the validation, 64 %/);
});
