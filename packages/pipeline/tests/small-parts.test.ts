import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { isSegError, type Plans, ShapeMismatchError } from "@nnunet/core";
import { effectivePlans, inputCases, modelFiles, resolveFolders } from "@nnunet/pipeline";
import fc from "fast-check";
import { runBounded } from "../src/workers/bounded-tasks.ts";
import { carry, unpack } from "../src/workers/carry-error.ts";
import { contentHash } from "../src/records/made-from.ts";
import { withScratch } from "./tiny-dataset.ts";

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

test("an error of ours keeps code, fields and message on its way out of a worker", async () => {
  const carried = await carry(async () => {
    throw new ShapeMismatchError("label of case liver_3", [75, 512, 512], [74, 512, 512]);
  });
  let caught: unknown;
  try {
    unpack(structuredClone(carried));
  } catch (error) {
    caught = error;
  }
  expect(isSegError(caught, "SHAPE_MISMATCH") && caught.expected).toEqual([75, 512, 512]);
  expect((caught as Error).message).toBe("label of case liver_3: expected shape [75,512,512], got [74,512,512]");
});

test("content hashes do not depend on the order of keys, but on every value", () => {
  expect(contentHash({ b: 1, a: [2, { d: 3, c: 4 }] })).toBe(contentHash({ a: [2, { c: 4, d: 3 }], b: 1 }));
  expect(contentHash({ a: [1, 2] })).not.toBe(contentHash({ a: [2, 1] }));
});

describe("effectivePlans", () => {
  const plans = {
    configurations: {
      "3d_fullres": { batchSize: 9, architecture: { featuresPerStage: [32, 64, 128, 256, 320, 320] } },
    },
    explanation: [],
  } as unknown as Plans;

  test("feature maps in proportion, batch as given, each told in the explanation", () => {
    const changed = effectivePlans(plans, "3d_fullres", { baseFeatures: 16, batchSize: 2 });
    expect(changed.configurations["3d_fullres"]).toMatchObject({
      batchSize: 2,
      architecture: { featuresPerStage: [16, 32, 64, 128, 160, 160] },
    });
    expect(changed.explanation.map((decision) => decision.text)).toEqual([
      "Trained with 16 base features instead of the planned 32: feature maps 16, 32, 64, 128, 160, 160.",
      "Trained with batches of 2 instead of the planned 9.",
    ]);
    expect(plans.configurations["3d_fullres"]!.batchSize).toBe(9);
  });
  test("no option, no change", () => expect(effectivePlans(plans, "3d_fullres", {})).toBe(plans));
  test("says what is wrong", () => {
    expect(() => effectivePlans(plans, "3d", {})).toThrow('unknown configuration "3d"; registered: 3d_fullres');
    expect(() => effectivePlans(plans, "3d_fullres", { baseFeatures: 0 })).toThrow(
      "baseFeatures: expected a positive integer, got 0",
    );
  });
});

test("what is given wins over the environment, this over the working directory", () => {
  const environment = { nnUNet_raw: "/env/raw", nnUNet_results: "/env/results" };
  expect(resolveFolders({ raw: "mine" }, environment, "/work")).toEqual({
    raw: "/work/mine",
    preprocessed: "/work/nnUNet_preprocessed",
    results: "/env/results",
  });
});

describe("inputCases", () => {
  test("groups channels, takes files without a suffix as cases, leaves other files alone", () =>
    withScratch(async (folder) => {
      for (const name of [
        "a_0000.nii.gz",
        "a_0001.nii.gz",
        "b_0000.nii.gz",
        "b_0001.nii.gz",
        "notes.txt",
        ".hidden.nii",
      ]) {
        await writeFile(join(folder, name), "");
      }
      const cases = await inputCases(folder, ["T1", "T2"]);
      expect(cases.map(({ id, images }) => [id, images.length])).toEqual([
        ["a", 2],
        ["b", 2],
      ]);
      await expect(inputCases(folder, ["T1", "T2", "FLAIR"])).rejects.toThrow(
        `${join(folder, "a_0002.nii.gz")}: missing; the model needs it as channel 2 (FLAIR) of case a`,
      );
      expect((await inputCases(join(folder, "b_0001.nii.gz"), ["T1", "T2"]))[0]!.id).toBe("b");
    }));
  test("an empty folder is told", () =>
    withScratch(async (folder) => {
      await mkdir(join(folder, "empty"));
      await expect(inputCases(join(folder, "empty"), ["T1"])).rejects.toThrow(
        "the folder is empty; expected images such as case_001_0000.nii.gz",
      );
      await expect(modelFiles(folder)).rejects.toThrow("no model.onnx and no trained fold in it");
    }));
});
