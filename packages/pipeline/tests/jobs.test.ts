import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { describe, expect, jest, test } from "@jest/globals";
import type { NnunetEvent } from "@nnunet/core";
import { whileLocked } from "@nnunet/core/node";
import { openDataset, writeImage } from "@nnunet/io";
import { createPipeline, type DatasetStatus, preprocessedPaths, resultsPaths } from "@nnunet/pipeline";
import { foldersIn, tinyCase, tinyRun, tinyTraining, withScratch, writeTinyDataset } from "./tiny-dataset.ts";

// Each training takes a second or two, but other test files may use the cores at the same time.
jest.setTimeout(240_000);

const states = ({ jobs }: DatasetStatus) => Object.fromEntries(jobs.map(({ id, state }) => [id, state.is]));

const start = async (scratch: string) => {
  const folders = foldersIn(scratch);
  const dataset = await openDataset(await writeTinyDataset(folders.raw));
  return { folders, dataset, pipeline: createPipeline({}, folders) };
};

describe("a rehearsal", () => {
  test("of a dataset that nothing is known of lists every job and writes nothing", () =>
    withScratch(async (scratch) => {
      const { pipeline, dataset, folders } = await start(scratch);
      const { configurations: _, folds: _f, ...others } = tinyRun;
      const listed = await pipeline.rehearse(dataset, others);
      expect(listed.complete).toBe(true);
      const folds = [0, 1, 2, 3, 4];
      expect(Object.keys(states(listed)).sort()).toEqual(
        [
          ...["verify", "split", "fingerprint", "plan", "preprocess 2d", "preprocess 3d_fullres", "find-best", "test"],
          "report",
          ...folds.flatMap((fold) => [`train 2d ${fold}`, `train 3d_fullres ${fold}`]),
        ].sort(),
      );
      expect(new Set(Object.values(states(listed)))).toEqual(new Set(["to do"]));
      expect([existsSync(folders.preprocessed), existsSync(folders.results)]).toEqual([false, false]);
    }));

  test("names no path, host or process of this machine, and every need stands before", () =>
    withScratch(async (scratch) => {
      const { pipeline, dataset } = await start(scratch);
      const { jobs } = await pipeline.rehearse(dataset, tinyRun);
      const text = JSON.stringify(jobs);
      for (const local of [scratch, process.cwd(), hostname(), "/tmp", `${process.pid}`]) {
        expect(text).not.toContain(local);
      }
      const before = new Set<string>();
      for (const { id, needs } of jobs) {
        expect(needs.filter((need) => !before.has(need))).toEqual([]);
        before.add(id);
      }
      expect(jobs.find(({ id }) => id === "train 3d_fullres 0")).toEqual({
        id: "train 3d_fullres 0",
        command: [
          ...["train", "Dataset007_Tiny", "3d_fullres", "0"],
          ...["--epochs", "1", "--iterations-per-epoch", "2", "--validation-iterations", "1"],
          ...[
            "--batch-size",
            "2",
            "--base-features",
            "2",
            "--plans",
            "nnUNetPaperPlans",
            "--update",
            "--together",
            "0",
          ],
        ],
        needs: ["preprocess 3d_fullres", "split"],
        makes: ["nnUNet_results/Dataset007_Tiny/nnUNetTrainer__nnUNetPaperPlans__3d_fullres/fold_0"],
        state: { is: "to do" },
      });
    }));

  test("refuses what the run would refuse: an unknown configuration, a fold that there is not", () =>
    withScratch(async (scratch) => {
      const { pipeline, dataset } = await start(scratch);
      await expect(pipeline.rehearse(dataset, { ...tinyRun, configurations: ["3d"] })).rejects.toThrow(
        'unknown configuration "3d"',
      );
      await expect(pipeline.rehearse(dataset, { ...tinyRun, folds: [7] })).rejects.toThrow("has no fold 7");
    }));

  test("of a run by stages of one's own has no command lines", () =>
    withScratch(async (scratch) => {
      const { folders, dataset } = await start(scratch);
      const { defaultEvaluator } = await import("@nnunet/evaluate");
      const own = createPipeline({ evaluator: { ...defaultEvaluator, name: "mine" } }, folders);
      const { jobs } = await own.rehearse(dataset, tinyRun);
      expect(jobs.map(({ command }) => command)).toEqual(jobs.map(() => []));
    }));
});

describe("a run within a budget", () => {
  const wish = { ...tinyRun, settings: { epochs: 200, iterationsPerEpoch: 20, validationIterations: 1 } };
  const hear = () => {
    const said: { readonly level: string; readonly text: string }[] = [];
    return { said, onEvent: (event: NnunetEvent) => void (event.type === "message" && said.push(event)) };
  };

  test(
    "that is impossible is refused with the smallest that would do, from measurements that are kept; that one does, and what it gave up is kept until it is trained",
    () =>
      withScratch(async (scratch) => {
        const { pipeline, dataset, folders } = await start(scratch);
        const refusal = await pipeline
          .run(dataset.folder, { ...wish, budgetSeconds: 1 })
          .catch((error: Error) => error);
        const { message } = refusal as Error;
        expect(message).toMatch(
          /the least that can be done, needs about .* the smallest budget that would do is [\d.]+ (s|min),/,
        );
        expect(existsSync(folders.results)).toBe(false);
        // what was measured for it is what status expects a training to take
        const { jobs } = await pipeline.status(dataset, { workers: 1 });
        const expected = { seconds: expect.any(Number), memoryGb: expect.any(Number) };
        expect(jobs.find(({ id }) => id === "train 3d_fullres 0")!.estimate).toEqual(expected);
        const again = await pipeline.run(dataset.folder, { ...wish, budgetSeconds: 2 }).catch((error: Error) => error);
        // what was measured does not swing; what goes by before it may
        const [first, second] = [message, (again as Error).message].map((text) => {
          const [, number, unit] = /would do is ([\d.]+) (s|min)/.exec(text)!;
          return Number(number) * (unit === "s" ? 1 : 60);
        });
        expect(second).toBeLessThan(1.5 * first!);

        const { said, onEvent } = hear();
        const { effort } = await pipeline.run(dataset.folder, { ...wish, budgetSeconds: first!, onEvent });
        const place = (text: string) => said.findIndex((each) => each.text.includes(text));
        expect(place("and is used again; without")).toBeGreaterThanOrEqual(0);
        // how many steps fit depends on the machine; too few are said before the training
        const loud = effort!.warning === undefined ? [] : [`only ${effort!.warning}`];
        for (const text of loud) {
          expect(said[place(text)]).toMatchObject({ level: "warning" });
          expect(place(text)).toBeLessThan(place("training from the start"));
        }
        const path = join(folders.results, dataset.name, "given_up__nnUNetPaperPlans.json");
        const { givenUp } = JSON.parse(await readFile(path, "utf8")) as { givenUp: string[] };
        expect(givenUp).toEqual([...loud, expect.stringContaining(" of 200 of 20 (")]);

        // whoever trains it longer takes it out
        const plans = await pipeline.loadPlans(dataset);
        await pipeline.train(dataset, plans, "3d_fullres", 0, { ...tinyTraining, existing: "update" });
        expect(existsSync(path)).toBe(false);
      }),
    600_000,
  );

  test("is seen by status while the costs are measured", () =>
    withScratch(async (scratch) => {
      const { pipeline, dataset, folders } = await start(scratch);
      expect((await pipeline.status(dataset)).measuring).toBeUndefined();
      await whileLocked(preprocessedPaths(folders, dataset.name).costs, "measuring what 2d cost here", async () => {
        const { measuring } = await pipeline.status(dataset);
        expect(measuring).toMatch(/^measuring what 2d cost here, on \S+ since \d{4}-/);
      });
    }));
});

describe("the status of a dataset", () => {
  test("before any run knows the first jobs and says that more follow", () =>
    withScratch(async (scratch) => {
      const { pipeline, dataset, folders } = await start(scratch);
      const status = await pipeline.status(dataset);
      expect([states(status), status.complete]).toEqual([
        { verify: "to do", split: "to do", fingerprint: "to do", plan: "to do" },
        false,
      ]);
      expect(existsSync(folders.preprocessed)).toBe(false);
    }));

  test("is that of the latest run, by content: a changed label makes all to do that depends on it", () =>
    withScratch(async (scratch) => {
      const { pipeline, dataset, folders } = await start(scratch);
      await pipeline.run(dataset.folder, tinyRun);
      const done = await pipeline.status(dataset);
      expect(states(done)).toEqual({
        verify: "done",
        split: "done",
        fingerprint: "done",
        plan: "done",
        "preprocess 3d_fullres": "done",
        "train 3d_fullres 0": "done",
        "find-best": "done",
        test: "done",
        report: "done",
      });
      // the list that lies there names no machine either
      const { folder, jobs } = preprocessedPaths(folders, dataset.name);
      const kept = await readFile(jobs, "utf8");
      for (const local of [scratch, hostname()]) expect(kept).not.toContain(local);

      await rm(join(folders.results, dataset.name, "imagesTs_predicted__nnUNetPaperPlans", "tiny_6.nii.gz"));
      expect(states(await pipeline.status(dataset))).toMatchObject({
        "find-best": "done",
        test: "to do",
        report: "to do",
      });

      const files = await readdir(folder, { recursive: true });
      const changed = tinyCase(2);
      changed.label.data[0] = 1;
      await writeImage(join(dataset.folder, "labelsTr", "tiny_2.nii.gz"), changed.label, { overwrite: true });
      const states2 = states(await pipeline.status(dataset));
      expect(new Set(Object.values(states2))).toEqual(new Set(["to do"]));
      expect(await readdir(folder, { recursive: true })).toEqual(files);
    }));

  test("says who is at a job while somebody is, without a process id", () =>
    withScratch(async (scratch) => {
      const { pipeline, dataset, folders } = await start(scratch);
      await pipeline.run(dataset.folder, { ...tinyRun, folds: [0, 1] });
      const fold = resultsPaths(folders, dataset.name, "nnUNetPaperPlans", "3d_fullres").fold(1).folder;
      await whileLocked(fold, "training fold 1 of 3d_fullres", async () => {
        const { jobs } = await pipeline.status(dataset);
        const { state } = jobs.find(({ id }) => id === "train 3d_fullres 1")!;
        expect(state).toEqual({
          is: "running",
          by: expect.stringMatching(/^training fold 1 of 3d_fullres, on \S+ since \d{4}-\d\d-\d\dT/),
        });
        expect(JSON.stringify(state)).not.toContain(String(process.pid));
      });
      expect(states(await pipeline.status(dataset))["train 3d_fullres 1"]).toBe("done");
    }));

  test("says why a job failed until it has been done; the others are done all the same", () =>
    withScratch(async (scratch) => {
      const { pipeline, dataset, folders } = await start(scratch);
      const both = { ...tinyRun, configurations: ["2d", "3d_fullres"] };
      const { folder } = resultsPaths(folders, dataset.name, "nnUNetPaperPlans", "2d").fold(0);
      await mkdir(folder, { recursive: true });
      await writeFile(join(folder, "checkpoint_final.pth"), "theirs");
      await expect(pipeline.run(dataset.folder, both)).rejects.toThrow("holds a training of another tool");
      const failed = await pipeline.status(dataset);
      expect(states(failed)).toMatchObject({
        "preprocess 2d": "done",
        "train 2d 0": "failed",
        "train 3d_fullres 0": "done",
        "find-best": "to do",
        test: "to do",
      });
      expect(failed.jobs.find(({ id }) => id === "train 2d 0")!.state).toMatchObject({
        why: expect.stringContaining("holds a training of another tool (checkpoint_final.pth)"),
      });
      await rm(folder, { recursive: true });
      await pipeline.run(dataset.folder, both);
      expect(new Set(Object.values(states(await pipeline.status(dataset))))).toEqual(new Set(["done"]));
    }));
});
