import { expect, test } from "@jest/globals";
import type { ModelMetadata } from "@nnunet/core";
import type { Model } from "@nnunet/inference";
import { tinyMetadata } from "../../inference/tests/tiny-model.ts";
import { describeOutlook } from "../src/prediction/case-outlook.ts";
import { expectedSeconds, timeNetworks } from "../src/prediction/expected-time.ts";

/** A network whose runs take so many milliseconds, whatever its plan says. */
function slowModel(metadata: ModelMetadata, milliseconds: number, kernels?: string): Model & { runs(): number } {
  let runs = 0;
  return {
    metadata,
    ...(kernels && { kernels }),
    async run(_, shape) {
      runs++;
      await new Promise((done) => setTimeout(done, milliseconds));
      return { data: new Float32Array(3 * 512), shape: [1, 3, ...shape.slice(2)] };
    },
    dispose: async () => {},
    runs: () => runs,
  };
}
const metadata = tinyMetadata([8, 8, 8]);

test("where a minute and more is expected, every network is timed once and the time follows from that", async () => {
  const [first, second] = [slowModel(metadata, 100), slowModel(metadata, 300)];
  const work = [
    { model: first, runs: 20_000, voxels: 0 },
    { model: second, runs: 10_000, voxels: 0 },
    { model: first, runs: 10_000, voxels: 1e6 },
  ];
  expect(expectedSeconds(work)).toBeGreaterThan(60);
  const { seconds, measured } = (await timeNetworks(work))(work);
  expect(measured).toBe(true);
  // Timers are never early; others use the cores.
  expect(seconds).toBeGreaterThan(0.99 * (3000 + 3000));
  expect(seconds).toBeLessThan(3 * 6000);
  expect(first.runs()).toBeLessThanOrEqual(11);
  expect(describeOutlook({ memory: 1.3e9, disk: 3.2e9 }, { seconds: 240, measured })).toBe(
    "at most 1.30 GB of memory and 3.20 GB of disk for a while, about 4 minutes",
  );
});

test("an abort ends the timing before the next network", async () => {
  const model = slowModel(metadata, 1);
  const work = [{ model, runs: 1e6, voxels: 0 }];
  await expect(timeNetworks(work, AbortSignal.abort())).rejects.toMatchObject({ code: "CANCELLED" });
  expect(model.runs()).toBe(0);
});

test("where it is soon done, nothing is timed and no number of minutes is told", async () => {
  const model = slowModel(metadata, 100);
  const work = [{ model, runs: 100, voxels: 1e6 }];
  const time = (await timeNetworks(work))(work);
  expect(time.measured).toBe(false);
  expect(model.runs()).toBe(0);
  expect(describeOutlook({ memory: 5e8, disk: 0 }, time)).toBe("at most 0.50 GB of memory, a minute or less");
});

test("without a clock, blocked kernels count as faster than the standard ones, and runs, voxels and classes count", () => {
  const architecture = { ...metadata.plans.configurations.tiny!.architecture, featuresPerStage: [32, 320] };
  const wide = tinyMetadata([64, 64, 64], { configuration: { architecture } });
  const seconds = (model: Model, runs: number, voxels = 0) => expectedSeconds([{ model, runs, voxels }]);
  const [standard, blocked] = [slowModel(wide, 0), slowModel(wide, 0, "in blocks of 16 channels")];
  expect(seconds(blocked, 10)).toBeLessThan(0.8 * seconds(standard, 10));
  expect(seconds(standard, 20)).toBeCloseTo(2 * seconds(standard, 10));
  expect(seconds(standard, 10, 1e8)).toBeGreaterThan(seconds(standard, 10) + 10);
});
