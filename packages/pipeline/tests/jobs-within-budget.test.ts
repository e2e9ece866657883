import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { chooseEffort } from "../src/budget/choose-effort.ts";
import { startBudget } from "../src/budget/budget-clock.ts";
import { type ConfigurationCosts, type Costs, trainingSeconds, type Workload } from "../src/budget/costs.ts";
import type { RunEffort } from "@nnunet/pipeline";
import type { DecidedEffort } from "../src/jobs/effort-of-run.ts";
import type { JobWork } from "../src/jobs/job.ts";
import { jobsAsDecided, jobsWithinBudget } from "../src/jobs/jobs-within-budget.ts";
import type { RunWork } from "../src/jobs/run-work.ts";

const folds = [0, 1, 2, 3, 4];
const names = ["2d", "3d_fullres"];
const cost: ConfigurationCosts = {
  preprocessCase: 0.1,
  start: 4,
  step: 0.3,
  epoch: 0.2,
  predictCase: 1,
  evaluateCase: 0.1,
  memoryGb: 1,
};
const workload: Workload = {
  cases: 60,
  testCases: 5,
  validationCases: new Map(folds.map((fold) => [fold, 12])),
  configurations: Object.fromEntries(names.map((name) => [name, { data: name }])),
};

/**
 * A run on a machine that takes `load` times as long as the probe had said: what it trained, and when it was over.
 *
 * @param others - configurations that another process has begun
 */
async function simulate(seconds: number, load: number, others: readonly string[] = []) {
  let now = 0;
  const budget = startBudget(seconds, () => now);
  const costs: Costs = { "2d": { ...cost, step: 0.1 }, "3d_fullres": cost };
  const trainings = names.flatMap((configuration) => folds.map((fold) => ({ configuration, fold })));
  const wish = { trainings, folds, epochs: 1000, iterationsPerEpoch: 250 };
  const chosen = chooseEffort(costs, workload, wish, budget.left());
  const lengths = Object.fromEntries(
    [...new Set(chosen.trainings.map(({ configuration }) => configuration))].map((name) => [name, chosen]),
  );
  const effort: RunEffort = { ...chosen, of: "", compared: folds, lengths, givenUp: [] };
  const decided: DecidedEffort = { effort, costs, workload, wish, before: 0 };
  const job = (id: string, takes: number): JobWork => ({
    ...{ id, command: [], needs: [], makes: [], writes: [], isDone: async () => false },
    perform: async () => void (now += takes),
  });
  const list = (work: RunWork) => [
    ...Object.keys(work.lengths!).map((name) => job(`preprocess ${name}`, 6)),
    ...work.trainings.map(({ configuration, fold }) => {
      const seconds = trainingSeconds(costs, workload, { configuration, fold }, work.lengths![configuration]!);
      return job(`train ${configuration} ${fold}`, load * seconds);
    }),
    job("find-best", 20),
    job("test", 60),
  ];
  const kept: RunEffort[] = [];
  const ids: string[] = [];
  const took = new Map<string, number>();
  const progress = {
    ...{ list, took, keep: async (changed: RunEffort) => void kept.push(changed) },
    isBegun: async (jobs: readonly JobWork[]) => others.some((name) => jobs.some(({ id }) => id.includes(name))),
  };
  for await (const each of jobsWithinBudget(decided, budget, progress)) {
    ids.push(each.id);
    const began = now;
    await each.perform();
    took.set(each.id, now - began);
  }
  return { took: now, ids, kept, expected: chosen, jobs: list(kept.at(-1) ?? effort).map(({ id }) => id) };
}

test("every job is done once, in the order of the list", async () => {
  const { ids, jobs, kept } = await simulate(3600, 1);
  expect(ids).toEqual(jobs);
  expect(kept).toEqual([]); // as it was expected, so nothing is changed
});

test("a machine that turns out slower or faster than it was measured shortens or lengthens what is not begun", async () => {
  const slow = await simulate(3600, 1.5);
  const quick = await simulate(3600, 0.7);
  const stepsOf = ({ lengths }: RunEffort) => lengths["3d_fullres"]!.epochs * lengths["3d_fullres"]!.iterationsPerEpoch;
  expect(stepsOf(slow.kept.at(-1)!)).toBeLessThan(slow.expected.epochs * slow.expected.iterationsPerEpoch);
  expect(stepsOf(quick.kept.at(-1)!)).toBeGreaterThan(quick.expected.epochs * quick.expected.iterationsPerEpoch);
  for (const { kept, expected } of [slow, quick]) {
    expect(kept.at(-1)!.lengths["2d"]).toMatchObject({ epochs: expected.epochs }); // it was begun
  }
});

test("what is given up is said anew with the lengths", async () => {
  const { kept } = await simulate(3600, 1.5);
  const { lengths, givenUp } = kept.at(-1)!;
  const { epochs, iterationsPerEpoch } = lengths["3d_fullres"]!;
  expect(givenUp.at(-1)!.sentence).toContain(`3d_fullres ${epochs} epochs of ${iterationsPerEpoch} steps`);
});

test("what another process has begun keeps its length", async () => {
  expect((await simulate(3600, 1.5, ["3d_fullres"])).kept).toEqual([]);
});

test("a decision of another process is followed as it stands when the turn of a job comes", async () => {
  const decided: RunEffort[] = [20, 20, 10].map((epochs) => ({
    ...{ of: "", trainings: [], compared: [], seconds: 1, givenUp: [] },
    lengths: { "2d": { epochs, iterationsPerEpoch: 1 } },
  }));
  const list = ({ lengths }: RunWork) =>
    ["a", "b"].map((id) => ({
      ...{ id, command: [String(lengths!["2d"]!.epochs)], needs: [], makes: [], writes: [] },
      ...{ isDone: async () => false, perform: async () => undefined },
    }));
  const given: string[] = [];
  const next = async () => (decided.length > 1 ? decided.shift()! : decided[0]!);
  await next();
  for await (const { id, command } of jobsAsDecided(next, list)) given.push(`${id} ${command[0]}`);
  expect(given).toEqual(["a 20", "b 10"]);
});

test("the budget is kept within 15 % by machines from 0.6 to 1.5 times as slow as they were measured", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.double({ min: 1800, max: 36_000, noNaN: true }),
      fc.double({ min: 0.6, max: 1.5, noNaN: true }),
      async (seconds, load) => {
        const { took } = await simulate(seconds, load);
        expect(took).toBeLessThan(1.15 * seconds);
        expect(took).toBeGreaterThan(0.85 * seconds);
      },
    ),
    { seed: 1, numRuns: 60 },
  );
});
