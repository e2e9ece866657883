import { expect, test } from "@jest/globals";
import { describeMemory, estimateMemory } from "@nnunet/inference";
import { tinyMetadata } from "./tiny-model.ts";

test("scores grow with the case, the rest with the patch", () => {
  const metadata = tinyMetadata([64, 64, 64], { channels: 2 });
  const small = estimateMemory(metadata, [2, 100, 200, 300]);
  expect(small.scores).toBe(3 * 100 * 200 * 300 * 4);
  expect(small.patches).toBe(5 * 64 ** 3 * 4);
  expect(small.network).toBe(4 * 7.5 * 64 ** 3 * 4);
  expect(small.total).toBe(small.scores + small.patches + small.network);
  const twice = estimateMemory(metadata, [2, 200, 200, 300], { patchesPerRun: 2 });
  expect(twice).toEqual({
    scores: 2 * small.scores,
    patches: 2 * small.patches,
    network: 2 * small.network,
    total: 2 * small.total,
  });
  expect(describeMemory(small)).toBe("0.11 GB: scores 0.07 GB, network 0.03 GB, patches 0.01 GB");
});

test("where answers come in parts, the features before the head are there instead of the answer", () => {
  const labels = Object.fromEntries(Array.from({ length: 104 }, (_, i) => [i === 0 ? "background" : `c${i}`, i]));
  const metadata = tinyMetadata([64, 64, 64], { labels });
  const whole = estimateMemory(metadata, [1, 100, 200, 300]);
  const parts = estimateMemory(metadata, [1, 100, 200, 300], { answersInParts: true });
  expect(whole.patches).toBe(105 * 64 ** 3 * 4);
  expect(whole.network).toBe(108 * 64 ** 3 * 4);
  expect(parts.patches).toBe((5 * 64 ** 3 + 8 * 64 ** 2 * (4 + 208)) * 4);
  expect(parts.network).toBe(4 * 7.5 * 64 ** 3 * 4);
});
