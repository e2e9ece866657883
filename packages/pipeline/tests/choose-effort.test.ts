import { describe, expect, test } from "@jest/globals";
import { isNnunetError } from "@nnunet/core";
import fc from "fast-check";
import { startBudget } from "../src/budget/budget-clock.ts";
import { chooseEffort, type Wish } from "../src/budget/choose-effort.ts";
import {
  type ConfigurationCosts,
  type Costs,
  type Effort,
  effortSeconds,
  trainingSeconds,
  type Workload,
} from "../src/budget/costs.ts";
import { givenUp, tooShort } from "../src/budget/given-up.ts";

const folds = [0, 1, 2, 3, 4];
const previous: Readonly<Record<string, string>> = { "3d_cascade_fullres": "3d_lowres" };

/** A dataset of `cases` cases in five folds. */
function workOf(names: readonly string[], cases: number, testCases = 0): Workload {
  const data = (name: string) => (name === "3d_cascade_fullres" ? "3d_fullres" : name);
  return {
    cases,
    testCases,
    validationCases: new Map(folds.map((fold) => [fold, Math.floor((cases + fold) / 5)])),
    configurations: Object.fromEntries(names.map((name) => [name, { data: data(name), previous: previous[name] }])),
  };
}

function wishOf(names: readonly string[], epochs = 1000, iterationsPerEpoch = 250): Wish {
  const trainings = names.flatMap((configuration) => folds.map((fold) => ({ configuration, fold })));
  return { trainings, folds, epochs, iterationsPerEpoch };
}

const cost: ConfigurationCosts = {
  preprocessCase: 0.1,
  start: 4,
  step: 0.4,
  epoch: 0.3,
  predictCase: 2,
  evaluateCase: 0.1,
  memoryGb: 1,
};
const four = ["2d", "3d_fullres", "3d_lowres", "3d_cascade_fullres"];
const costsOf = (names: readonly string[], changed: Partial<ConfigurationCosts> = {}): Costs =>
  Object.fromEntries(names.map((name) => [name, { ...cost, ...changed }]));

describe("by hand", () => {
  test("a training is its start, its epochs and the validation of its cases", () => {
    const length = { epochs: 10, iterationsPerEpoch: 20 };
    const work = { validationCases: new Map([[0, 12]]) };
    // 4 + 10 · (20 · 0.4 + 0.3) + 12 · (2 + 0.1)
    expect(trainingSeconds({ "2d": cost }, work, { configuration: "2d", fold: 0 }, length)).toBeCloseTo(112.2);
  });

  test("data that two configurations share are preprocessed once, pairs are scored, test images segmented by two members", () => {
    const names = ["3d_fullres", "3d_lowres", "3d_cascade_fullres"];
    const work = workOf(names, 10, 3);
    const effort = { trainings: [], epochs: 1, iterationsPerEpoch: 1 };
    const trainings = names.map((configuration) => ({ configuration, fold: 0 }));
    const each = trainingSeconds(costsOf(names), work, trainings[0]!, effort);
    // 2 data sets · 10 cases · 0.1; (3 pairs and the postprocessing) · 10 cases · 3 · 0.1; 3 images · (cascade: 2 networks · 2 s, and one more · 2 s)
    expect(effortSeconds(costsOf(names), work, { ...effort, trainings })).toBeCloseTo(2 + 3 * each + 12 + 18);
  });

  test("with time for everything nothing is given up", () => {
    const names = ["2d", "3d_fullres"];
    const [work, wish] = [workOf(names, 20), wishOf(names, 8, 50)];
    const choice = chooseEffort(costsOf(names), work, wish, 1e6);
    expect(choice).toMatchObject({ epochs: 8, iterationsPerEpoch: 50 });
    expect(choice.trainings).toHaveLength(10);
    expect(sentencesOf(work, wish, choice)).toEqual([]);
  });

  test("long trainings go first, then the cascade, then the comparison, then folds, and the length of a training last", () => {
    const work = workOf(four, 60);
    const chosen = (hours: number) => {
      const wish = wishOf(four);
      const choice = chooseEffort(costsOf(four), work, wish, hours * 3600);
      const sentences = sentencesOf(work, wish, choice).length;
      return { networks: choice.trainings.length, steps: choice.epochs * choice.iterationsPerEpoch, sentences };
    };
    expect(chosen(3)).toMatchObject({ networks: 20, sentences: 1 });
    expect(chosen(1)).toMatchObject({ networks: 10, sentences: 2 });
    expect(chosen(0.5)).toMatchObject({ networks: 5, sentences: 3 });
    expect(chosen(0.25)).toMatchObject({ networks: 3, sentences: 4 });
    expect(chosen(0.08)).toMatchObject({ networks: 1, sentences: 4 });
    for (const hours of [3, 1, 0.5, 0.25]) expect(chosen(hours).steps).toBeGreaterThanOrEqual(500);
    expect(chosen(0.04).steps).toBeGreaterThanOrEqual(50);
  });

  test("what is given up is said, with what it costs, and on what evidence something else was taken", () => {
    const [work, wish] = [workOf(four, 60), wishOf(four)];
    expect(sentencesOf(work, wish, chooseEffort(costsOf(four), work, wish, 300))).toEqual([
      "3d_lowres and 3d_cascade_fullres left out: whether the cascade is better here is not known; it is where objects are large against the patch",
      "2d left out: nothing was compared here; 3d_fullres is taken because over the datasets of the paper (Isensee et al. 2021, Supplement G.1) it was the best overall, fully trained, which need not hold for these images",
      "1 of 5 folds: scores of 12 of 60 cases, so intervals about 2.2 times as wide, and a predictor of one network instead of 5",
      expect.stringMatching(
        /^20 epochs of \d+ steps instead of 1000 of 250 \(0\.\d+ %\): scores are below what the full training would reach/,
      ),
    ]);
  });

  test("each says which trainings would end it", () => {
    const [work, wish] = [workOf(four, 60), wishOf(four)];
    const choice = chooseEffort(costsOf(four), work, wish, 300);
    const missing = givenUp(work, wish, choice.trainings, lengthsOf(choice)).map((each) => each.missing);
    expect(missing[0]).toEqual(
      ["3d_lowres", "3d_cascade_fullres"].map((configuration) => ({ configuration, fold: 0 })),
    );
    expect(missing[1]).toEqual([{ configuration: "2d", fold: 0 }]);
    expect(missing[2]).toEqual([1, 2, 3, 4].map((fold) => ({ configuration: "3d_fullres", fold })));
    expect(missing[3]).toEqual([]); // those that are done, done longer
  });

  test("a network whose steps cost less is taken where there is no time for enough steps of 3d_fullres", () => {
    const names = ["2d", "3d_fullres"];
    const costs = { "2d": { ...cost, step: 0.05 }, "3d_fullres": { ...cost, step: 1 } };
    const [work, wish] = [workOf(names, 20), wishOf(names)];
    const chosen = chooseEffort(costs, work, wish, 300);
    expect(new Set(chosen.trainings.map(({ configuration }) => configuration))).toEqual(new Set(["2d"]));
    expect(chosen.epochs * chosen.iterationsPerEpoch).toBeGreaterThanOrEqual(500);
    expect(sentencesOf(work, wish, chosen)[0]).toBe(
      "3d_fullres left out: nothing was compared here; 2d is taken because its steps cost less and there is no time for 500 of the other; over the datasets of the paper (Isensee et al. 2021, Supplement G.1), fully trained, 3d_fullres was the better one",
    );
    // as soon as there is time for enough steps, it is 3d_fullres again
    expect(chooseEffort(costs, work, wish, 700).trainings).toEqual([{ configuration: "3d_fullres", fold: 0 }]);
  });

  test("trainings that are too short to learn anything are said so, with the budget that would do", () => {
    const names = ["2d", "3d_fullres"];
    const [costs, work, wish] = [costsOf(names), workOf(names, 20), wishOf(names)];
    const chosen = chooseEffort(costs, work, wish, 60);
    const loud = tooShort(costs, work, wish, lengthsOf(chosen), 10);
    expect(loud).toMatch(
      /^\d+ steps of \w+, which teach a network next to nothing: .* Nobody should use this predictor/,
    );
    const budget = Number(/a budget of ([\d.]+) min$/.exec(loud!)![1]) * 60;
    const better = chooseEffort(costs, work, wish, startBudget(budget, () => 0).left() - 10, 10);
    expect(tooShort(costs, work, wish, lengthsOf(better), 10)).toBeUndefined();
    // who wishes for little is not told
    const little = { ...wish, epochs: 2, iterationsPerEpoch: 10 };
    expect(
      tooShort(costs, work, little, lengthsOf({ ...chosen, epochs: 2, iterationsPerEpoch: 10 }), 10),
    ).toBeUndefined();
  });

  test("an impossible budget says the smallest that would do, of whatever configuration is cheapest, and one that teaches something", () => {
    const names = ["2d", "3d_fullres"];
    const costs = { "2d": { ...cost, step: 0.2 }, "3d_fullres": cost };
    const attempt = (seconds: number) => chooseEffort(costs, workOf(names, 20), wishOf(names), seconds, 10);
    expect(() => attempt(15)).toThrow(
      "a run of one fold of 2d, the least that can be done, needs about 32 s, but 15 s are left of the budget; the smallest budget that would do is 46 s, and one in which a network learns something is 2.5 min; a smaller `baseFeatures` or `batchSize` needs less",
    );
    expect(attempt(32).trainings).toEqual([{ configuration: "2d", fold: 0 }]);
  });
});

const sentencesOf = (work: Workload, wish: Wish, choice: Effort) =>
  givenUp(work, wish, choice.trainings, lengthsOf(choice)).map(({ sentence }) => sentence);
const lengthsOf = ({ trainings, epochs, iterationsPerEpoch }: Effort) =>
  Object.fromEntries(trainings.map(({ configuration }) => [configuration, { epochs, iterationsPerEpoch }]));

const positive = (max: number) => fc.double({ min: 0.001, max, noNaN: true });
const anyCosts = fc.record({
  preprocessCase: positive(20),
  start: positive(60),
  step: positive(10),
  epoch: positive(5),
  predictCase: positive(60),
  evaluateCase: positive(5),
  memoryGb: positive(10),
});
const anySituation = fc
  .record({
    names: fc
      .subarray(four.slice(0, 2), { minLength: 1 })
      .chain((single) => fc.constantFrom(single, [...single, "3d_lowres", "3d_cascade_fullres"])),
    cases: fc.integer({ min: 5, max: 300 }),
    testCases: fc.nat(50),
    epochs: fc.integer({ min: 1, max: 1000 }),
    iterations: fc.integer({ min: 1, max: 250 }),
    costs: fc.tuple(anyCosts, anyCosts, anyCosts, anyCosts),
    seconds: fc.double({ min: 1, max: 1e6, noNaN: true }),
  })
  .map(({ names, cases, testCases, epochs, iterations, costs, seconds }) => ({
    work: workOf(names, cases, testCases),
    wish: wishOf(names, epochs, iterations),
    costs: Object.fromEntries(names.map((name, i) => [name, costs[i]!])),
    seconds,
  }));

describe("for any costs, dataset and budget", () => {
  test("what is chosen fits and is part of the wish, and one step more in one epoch more would not fit", () => {
    fc.assert(
      fc.property(anySituation, ({ work, wish, costs, seconds }) => {
        let choice: ReturnType<typeof chooseEffort>;
        try {
          choice = chooseEffort(costs, work, wish, seconds);
        } catch (error) {
          return isNnunetError(error, "LIMIT");
        }
        expect(choice.seconds).toBeLessThanOrEqual(seconds);
        expect(choice.seconds).toBe(effortSeconds(costs, work, choice));
        for (const training of choice.trainings) expect(wish.trainings).toContainEqual(training);
        expect(choice.epochs).toBeLessThanOrEqual(wish.epochs);
        expect(choice.iterationsPerEpoch).toBeLessThanOrEqual(wish.iterationsPerEpoch);
        const isWhole = choice.epochs === wish.epochs && choice.iterationsPerEpoch === wish.iterationsPerEpoch;
        // one step more in each epoch of each training, or one epoch more, would not fit
        const more =
          isWhole || choice.iterationsPerEpoch === wish.iterationsPerEpoch
            ? { ...choice, epochs: choice.epochs + 1 }
            : { ...choice, epochs: choice.epochs + 1, iterationsPerEpoch: choice.iterationsPerEpoch + 1 };
        if (!isWhole) expect(effortSeconds(costs, work, more)).toBeGreaterThan(seconds);
        return true;
      }),
      { seed: 1, numRuns: 500 },
    );
  });

  test("the smallest budget that is named would do", () => {
    fc.assert(
      fc.property(anySituation, positive(100), ({ work, wish, costs, seconds }, before) => {
        const attempt = (budget: number) =>
          chooseEffort(costs, work, wish, startBudget(budget, () => 0).left() - before, before);
        let told: string;
        try {
          attempt(Math.min(seconds, 60));
          return;
        } catch (error) {
          if (!isNnunetError(error, "LIMIT")) throw error;
          told = error.message;
        }
        for (const named of told.matchAll(/(?:would do|learns something) is ([\d.]+) (s|min)/g)) {
          expect(attempt(Number(named[1]) * (named[2] === "s" ? 1 : 60)).trainings.length).toBeGreaterThan(0);
        }
      }),
      { seed: 3, numRuns: 500 },
    );
  });

  test("more time never means fewer networks, unless they are of a better configuration", () => {
    fc.assert(
      fc.property(
        anySituation,
        fc.double({ min: 1, max: 10, noNaN: true }),
        ({ work, wish, costs, seconds }, factor) => {
          const networks = (available: number) => {
            try {
              return chooseEffort(costs, work, wish, available).trainings;
            } catch (error) {
              if (!isNnunetError(error, "LIMIT")) throw error;
              return [];
            }
          };
          const [less, more] = [networks(seconds), networks(seconds * factor)];
          const isSame = less[0]?.configuration === more[0]?.configuration;
          if (isSame) expect(more.length).toBeGreaterThanOrEqual(less.length);
          else expect(more.length).toBeGreaterThan(0);
        },
      ),
      { seed: 2, numRuns: 500 },
    );
  });
});
