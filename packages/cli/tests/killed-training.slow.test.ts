import { readdir, readFile, rm, stat } from "node:fs/promises";
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

/** Per number of workers; with MINUTES as many of them as there is time for. */
const KILLS = Number(process.env["KILLS"] ?? 50);
const EPOCHS = 12;
const MINUTES = Number(process.env["MINUTES"] ?? Number.POSITIVE_INFINITY);
let [scratch, roots, wanted]: [string, readonly string[], Record<string, string> | undefined] = ["", [], undefined];

beforeAll(async () => {
  ({ scratch, roots } = await scratchFolder());
  await writeMadeDataset(join(scratch, "raw"));
  for (const command of ["fingerprint", "plan", "preprocess"]) {
    expect((await nnunet(command, "8", ...roots)).code).toBe(0);
  }
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

async function until(isSo: () => Promise<boolean>, milliseconds: number): Promise<void> {
  const end = performance.now() + 60_000; // a training that is at its end does it no more
  while (performance.now() < end && !(await isSo())) await pause(milliseconds);
}

/** Waits until a training below a folder has kept another epoch. */
async function anotherEpoch(results: string): Promise<void> {
  const kept = async () => {
    const names = await readdir(results, { recursive: true }).catch(() => []);
    const log = names.find((name) => name.endsWith("training_log.ndjson"));
    return log === undefined ? 0 : (await stat(join(results, log)).catch(() => ({ size: 0 }))).size;
  };
  const before = await kept();
  await until(async () => (await kept()) > before, 20);
}

/** Of the epochs of a training below a folder, in the order of its log. */
async function loggedEpochs(results: string): Promise<number[]> {
  const log = (await readdir(results, { recursive: true })).find((name) => name.endsWith("training_log.ndjson"))!;
  const lines = (await readFile(join(results, log), "utf8")).trim().split("\n");
  return lines.map((line) => (JSON.parse(line) as { readonly epoch: number }).epoch);
}

/** Names of what is to become a checkpoint. */
async function unfinishedCheckpoints(results: string): Promise<string[]> {
  const names = await readdir(results, { recursive: true }).catch(() => []);
  return names.filter((name) => /checkpoint_[^/]*\.tmp$/.test(name));
}

/** Waits until a checkpoint is being written that was not there before. */
async function checkpointBegun(results: string): Promise<void> {
  const before = new Set(await unfinishedCheckpoints(results));
  await until(async () => (await unfinishedCheckpoints(results)).some((name) => !before.has(name)), 0);
}

/** The moments of the kills, in turn: anywhere, between two epochs, into a checkpoint. */
const moments = ["anywhere", "epoch", "checkpoint"] as const;

/** A short seeded training with many epochs, so that kills fall before, between and into checkpoints. */
function training(workers: number): string[] {
  const size = ["--base-features", "2", "--batch-size", "2", "--epochs", String(EPOCHS), "--iterations-per-epoch", "5"];
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
    const names = (await readdir(results, { recursive: true })).sort();
    wanted ??= await contents(results);
    expect(await contents(results)).toEqual(wanted); // whatever the number of workers

    const random = createRandom(12, "kill", workers);
    const counts = { between: 0, torn: 0, ended: 0 };
    const end = performance.now() + 60_000 * MINUTES;
    let killed = 0;
    const isOver = () => killed >= KILLS || performance.now() > end;
    while (!isOver()) {
      await rm(results, { recursive: true, force: true });
      for (let code: number | "killed" = "killed"; code === "killed"; ) {
        // starting takes longer than training, so that of moments by the clock alone hardly one would meet a checkpoint
        const moment = moments[killed % moments.length]!;
        const since = { anywhere: undefined, epoch: anotherEpoch, checkpoint: checkpointBegun }[moment];
        const longest = { anywhere: 1.3 * duration, epoch: duration / 8, checkpoint: 3 }[moment];
        const after = random.integer(moment === "anywhere" ? 50 : 0, Math.round(longest));
        const left = new Set(await unfinishedCheckpoints(results));
        const { code: how, stderr } = await run(args, isOver() ? undefined : after, since && (() => since(results)));
        code = how;
        if (code !== "killed") expect([code, code === 0 ? "" : stderr]).toEqual([0, ""]);
        else {
          killed++;
          const files = await readdir(results, { recursive: true }).catch(() => []);
          if (files.some((name) => name.endsWith(checkpointFiles.latest))) counts.between++;
          if ((await unfinishedCheckpoints(results)).some((name) => !left.has(name))) counts.torn++;
        }
      }
      counts.ended++;
      expect((await readdir(results, { recursive: true })).sort()).toEqual(names);
      expect(await loggedEpochs(results)).toEqual(Array.from({ length: EPOCHS }, (_, epoch) => epoch));
      expect(await contents(results)).toEqual(wanted);
    }
    expect(counts.between).toBeGreaterThan(0);
    expect(counts.torn).toBeGreaterThan(0);
    console.warn(
      `${killed} kills with ${workers} workers: after ${counts.between} lay a checkpoint, after ${counts.torn} one that was being written; ${counts.ended} trainings continued to their end`,
    );
  },
);
