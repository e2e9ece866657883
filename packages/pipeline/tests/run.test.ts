import { existsSync } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, jest, test } from "@jest/globals";
import { type NnunetEvent, plansFromJson } from "@nnunet/core";
import { readJson, writeJsonAtomic } from "@nnunet/core/node";
import { loadModel } from "@nnunet/inference";
import { readImage, writeImage } from "@nnunet/io";
import { createPipeline, modelFiles, predictorOf } from "@nnunet/pipeline";
import { defaultPlanner } from "@nnunet/planner";
import { foldersIn, tinyCase, tinyRun, withScratch, writeTinyDataset } from "./tiny-dataset.ts";

// Each training takes a second or two, but other test files may use the cores at the same time.
jest.setTimeout(240_000);

/** Per stage, how often something was made (progress told), to see what a rerun skips. */
function counter() {
  const made: Record<string, number> = {};
  const onEvent = (event: NnunetEvent) => {
    if (event.type === "progress" || event.type === "iteration") made[event.stage] = (made[event.stage] ?? 0) + 1;
  };
  return { made, onEvent };
}

describe("a run on a tiny dataset", () => {
  test("makes every artefact, skips what is done, and redoes exactly what changed", () =>
    withScratch(async (scratch) => {
      const folders = foldersIn(scratch);
      const dataset = await writeTinyDataset(folders.raw);
      const pipeline = createPipeline({}, folders);

      const first = counter();
      const result = await pipeline.run(dataset, { ...tinyRun, onEvent: first.onEvent });
      expect(first.made).toMatchObject({ fingerprint: 6, preprocess: 6, train: 2 });
      const { training } = result.folds[0]!;
      expect(training.trained).toBe(true);
      expect(training.validation.cases).toHaveLength(2);
      const fold = join(training.model, "..");
      const files = await readdir(fold);
      expect(files).toEqual(
        expect.arrayContaining([
          "checkpoint_final.safetensors",
          "model.onnx",
          "training_log.ndjson",
          "progress.svg",
          "validation",
        ]),
      );
      expect(files.filter((name) => name.endsWith(".tmp"))).toEqual([]);
      expect(result.test[0]!.summary!.cases).toHaveLength(1);

      // the sizes that were trained are what every later reader sees
      const plans = plansFromJson(await readJson(join(fold, "..", "plans.json")), "plans.json");
      expect(plans.configurations["3d_fullres"]!.architecture.featuresPerStage[0]).toBe(2);
      expect(plans.configurations["3d_fullres"]!.batchSize).toBe(2);

      // predictions lie where their images lie
      const reference = await readImage(join(dataset, "imagesTs", "tiny_6_0000.nii.gz"));
      const predicted = await readImage(join(result.test[0]!.folder, "tiny_6.nii.gz"));
      expect(predicted.shape).toEqual(reference.shape);
      expect(predicted.geometry).toEqual(reference.geometry);

      const modelTime = (await stat(training.model)).mtimeMs;
      const second = counter();
      const again = await pipeline.run(dataset, { ...tinyRun, onEvent: second.onEvent });
      expect(again.folds[0]!.training.trained).toBe(false);
      expect(second.made["train"]).toBeUndefined();
      expect(second.made["predict"]).toBeUndefined();
      expect((await stat(training.model)).mtimeMs).toBe(modelTime);

      // one changed label: that case is preprocessed again, and the network trained again
      const changed = tinyCase(2);
      changed.label.data[0] = 1;
      await writeImage(join(dataset, "labelsTr", "tiny_2.nii.gz"), changed.label);
      const opened = await pipeline.run(dataset, tinyRun);
      expect(opened.folds[0]!.training.trained).toBe(true);
      expect(existsSync(join(fold, "..", "previous_fold_0_1", "model.onnx"))).toBe(true);
    }));

  test("one changed case is preprocessed again, the others are kept", () =>
    withScratch(async (scratch) => {
      const folders = foldersIn(scratch);
      const { openDataset } = await import("@nnunet/io");
      const dataset = await openDataset(await writeTinyDataset(folders.raw));
      const pipeline = createPipeline({}, folders);
      await pipeline.fingerprint(dataset);
      const { plans } = await pipeline.plan(dataset);
      const once = await pipeline.preprocess(dataset, plans, ["3d_fullres"]);
      expect(once).toMatchObject([{ made: 6, skipped: 0 }]);
      const changed = tinyCase(3);
      changed.image.data[5]! += 1;
      await writeImage(join(dataset.folder, "imagesTr", "tiny_3_0000.nii.gz"), changed.image);
      expect(await pipeline.preprocess(dataset, plans, ["3d_fullres"])).toMatchObject([{ made: 1, skipped: 5 }]);
    }));

  test("the number of workers and the thread that a stage runs in change no byte", () =>
    withScratch(async (scratch) => {
      const { openDataset } = await import("@nnunet/io");
      const { defaultFingerprintExtractor } = await import("@nnunet/fingerprint");
      const dataset = await openDataset(await writeTinyDataset(join(scratch, "raw")));
      const fingerprints: string[] = [];
      for (const [name, workers] of [
        ["a", 1],
        ["b", 3],
        ["c", undefined],
      ] as const) {
        const folders = { ...foldersIn(scratch), preprocessed: join(scratch, name) };
        const own = { ...defaultFingerprintExtractor, name: "here" };
        const stages = name === "c" ? { fingerprintExtractor: own } : {};
        const { path } = await createPipeline(stages, folders).fingerprint(dataset, { workers, maxMemoryGb: 0.001 });
        fingerprints.push((await readFile(path, "utf8")).replace('"extractor": "here"', '"extractor": "default"'));
      }
      expect(fingerprints[1]).toBe(fingerprints[0]);
      expect(fingerprints[2]).toBe(fingerprints[0]);
    }));
});

describe("plans", () => {
  test("a planner of one's own is used and named in the plan; a hand-edited plan is kept as a copy", () =>
    withScratch(async (scratch) => {
      const folders = foldersIn(scratch);
      const { openDataset } = await import("@nnunet/io");
      const dataset = await openDataset(await writeTinyDataset(folders.raw));
      const isotropic = {
        ...defaultPlanner,
        name: "isotropic-1mm",
        plan: (...[fingerprint, json, options]: Parameters<typeof defaultPlanner.plan>) => ({
          ...defaultPlanner.plan(fingerprint, json, { ...options, targetSpacing: [1, 1, 1] as const }),
          planner: "isotropic-1mm",
        }),
      };
      const pipeline = createPipeline({ planner: isotropic }, folders);
      await expect(pipeline.plan(dataset)).rejects.toThrow("there is no fingerprint yet; run `fingerprint(7)` first");
      await pipeline.fingerprint(dataset);
      const { plans, path } = await pipeline.plan(dataset);
      expect(plans.planner).toBe("isotropic-1mm");
      expect(plans.configurations["3d_fullres"]!.spacing).toEqual([1, 1, 1]);

      const edited = (await readJson(path)) as { plans_name: string };
      await writeJsonAtomic(path, { ...edited, edited_by: "hand" });
      expect((await pipeline.plan(dataset, { keep: true })).made).toBe(false);
      expect((await pipeline.plan(dataset)).made).toBe(true);
      expect(existsSync(path.replace(".json", ".edited.json"))).toBe(true);
    }));
});

describe("predict", () => {
  test("never overwrites silently, names a missing channel, and takes a single file", () =>
    withScratch(async (scratch) => {
      const folders = foldersIn(scratch);
      const dataset = await writeTinyDataset(folders.raw);
      const pipeline = createPipeline({}, folders);
      const { folds } = await pipeline.run(dataset, tinyRun);
      const [path] = await modelFiles(join(folds[0]!.training.model, "..", ".."));
      const model = await loadModel(path!);
      try {
        const image = join(dataset, "imagesTs", "tiny_6_0000.nii.gz");
        const output = join(scratch, "one.nii.gz");
        expect(await pipeline.predict(predictorOf([{ models: [model] }]), image, output, { mirroring: false })).toEqual(
          [output],
        );
        await expect(pipeline.predict(predictorOf([{ models: [model] }]), image, output)).rejects.toThrow(
          `${output}: exists already; add \`overwrite\` to replace it, or choose another output`,
        );
        await expect(
          pipeline.predict(predictorOf([{ models: [model] }]), join(dataset, "imagesTs", "none.nii.gz"), output),
        ).rejects.toThrow("none.nii.gz: could not be read: no such file or folder");
        await expect(
          pipeline.predict(predictorOf([{ models: [model] }]), join(dataset, "imagesTr"), output),
        ).rejects.toThrow(`is one file, but ${join(dataset, "imagesTr")} holds 6 cases; name a folder instead`);
        const written = await pipeline.predict(predictorOf([{ models: [model] }]), image, join(scratch, "p.nii.gz"), {
          saveProbabilities: true,
        });
        const probabilities = await readImage(written[1]!);
        expect(probabilities.shape).toEqual([3, 10, 16, 16]);
        let sum = 0;
        for (let c = 0; c < 3; c++) sum += probabilities.data[c * 10 * 16 * 16 + 77]!;
        expect(sum).toBeCloseTo(1, 5);
      } finally {
        await model.dispose();
      }
    }));
});
