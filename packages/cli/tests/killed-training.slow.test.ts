import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { createRandom } from "@nnunet/core";
import { setTimeout as pause } from "node:timers/promises";
import { checkpointFiles } from "@nnunet/trainer";
import { contents } from "./folder-contents.ts";
import { isBuilt, run } from "./kill-run.ts";
import { writeMadeDataset } from "./made-dataset.ts";
import { nnunet, scratchFolder } from "./run-nnunet.ts";

jest.setTimeout(3_600_000);
if (!isBuilt) console.warn("skipped: no training is killed: packages/cli is not built (npm run build)");
const testWhereBuilt = isBuilt ? test : test.skip;

const KILLS = 50;
let [scratch, roots, wanted]: [string, readonly string[], Record<string, string> | undefined] = ["", [], undefined];

beforeAll(async () => {
  ({ scratch, roots } = await scratchFolder());
  await writeMadeDataset(join(scratch, "raw"));
  for (const command of ["fingerprint", "plan", "preprocess"]) {
    expect((await nnunet(command, "8", ...roots)).code).toBe(0);
  }
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

/** Waits until a training below a folder has kept another epoch; at most a minute, for one that has none left. */
async function anotherEpoch(results: string): Promise<void> {
  const kept = async () => {
    const names = await readdir(results, { recursive: true }).catch(() => []);
    const log = names.find((name) => name.endsWith("training_log.ndjson"));
    return log === undefined ? 0 : (await stat(join(results, log)).catch(() => ({ size: 0 }))).size;
  };
  const before = await kept();
  for (let i = 0; i < 3000 && (await kept()) <= before; i++) await pause(20);
}

/** A short seeded training with many epochs, so that kills fall before, between and into checkpoints. */
function training(workers: number): string[] {
  const size = ["--base-features", "2", "--batch-size", "2", "--epochs", "12", "--iterations-per-epoch", "5"];
  const how = ["--seed", "3", "--engine", "ort", "--update", "--workers", String(workers)];
  return ["train", "8", "3d_fullres", "0", ...size, ...how, ...roots];
}

testWhereBuilt.each([1, 2, 4])(
  `a training that is killed at ${KILLS} random moments and continued ends in the same bytes, with %i workers`,
  async (workers) => {
    const results = join(scratch, "results");
    const args = training(workers);
    const began = performance.now();
    const alone = await run(args);
    const duration = performance.now() - began;
    expect([alone.code, alone.code === 0 ? "" : alone.stderr]).toEqual([0, ""]);
    wanted ??= await contents(results);
    expect(await contents(results)).toEqual(wanted); // whatever the number of workers

    const random = createRandom(12, "kill", workers);
    let [killed, midway, ended] = [0, 0, 0];
    while (killed < KILLS) {
      await rm(results, { recursive: true, force: true });
      for (let code: number | "killed" = "killed"; code === "killed"; ) {
        // starting takes longer than training: every second kill comes soon after an epoch was kept
        const isSoon = killed % 2 === 1;
        const longest = Math.round(isSoon ? duration / 8 : 1.3 * duration);
        const left = killed < KILLS ? random.integer(isSoon ? 0 : 50, longest) : undefined;
        const { code: end, stderr } = await run(args, left, isSoon ? () => anotherEpoch(results) : undefined);
        code = end;
        if (code === "killed") {
          killed++;
          const files = await readdir(results, { recursive: true }).catch(() => []);
          if (files.some((name) => name.endsWith(checkpointFiles.latest))) midway++;
        }
        if (code !== "killed") expect([code, code === 0 ? "" : stderr]).toEqual([0, ""]);
      }
      ended++;
      expect(await contents(results)).toEqual(wanted);
    }
    expect(midway).toBeGreaterThan(0);
    console.warn(
      `${killed} kills, ${midway} of them between epochs, ${ended} trainings continued to their end, ${workers} workers`,
    );
  },
);
