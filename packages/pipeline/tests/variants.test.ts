import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, jest, test } from "@jest/globals";
import { modelMetadataFromOnnx, plansFromJson } from "@nnunet/core";
import { readJson } from "@nnunet/core/node";
import { createPipeline, preprocessedPaths, resultsPaths } from "@nnunet/pipeline";
import { readCheckpoint } from "@nnunet/trainer";
import { foldersIn, preprocessTiny, tinyRun, tinyTraining, withScratch, writeTinyDataset } from "./tiny-dataset.ts";

// Each training takes a second or two, but other test files may use the cores at the same time.
jest.setTimeout(240_000);

const { settings } = tinyTraining;

test("a variant has a plan of its own on the same data, which carries what it was asked for", () =>
  withScratch(async (scratch) => {
    const { dataset, pipeline, plans, folders } = await preprocessTiny(scratch);
    const training = { optimiser: { name: "adam" }, baseFeatures: 2 };
    const { plans: adam, path } = await pipeline.plan(dataset, { variant: "adam", training });
    expect(adam.plansName).toBe("nnUNetPaperPlans_adam");
    expect(path).toBe(preprocessedPaths(folders, dataset.name).plans("nnUNetPaperPlans_adam"));
    expect(adam.configurations["3d_fullres"]).toEqual(plans.configurations["3d_fullres"]);
    expect(plansFromJson(await readJson(path), path).variant).toEqual({ name: "adam", planner: {}, training });
    // so nothing is preprocessed anew, but where the data would be others
    expect((await pipeline.preprocess(dataset, adam, ["3d_fullres"]))[0]).toMatchObject({ made: 0 });
    const overrides = { imageOrder: 1, norm: "batch" };
    const { plans: linear } = await pipeline.plan(dataset, { variant: "linear", overrides });
    expect(linear.configurations["3d_fullres"]).toMatchObject({
      dataIdentifier: "nnUNetPaperPlans_linear_3d_fullres",
      architecture: { norm: "batch" },
    });
    // the rule set's own plan is still the one that needs no name
    expect((await pipeline.loadPlans(dataset)).plansName).toBe("nnUNetPaperPlans");
  }));

test("a run of a variant lies in places of its own, and its name alone brings its options back", () =>
  withScratch(async (scratch) => {
    const folders = foldersIn(scratch);
    await writeTinyDataset(folders.raw);
    const pipeline = createPipeline({}, folders);
    const own = await pipeline.run("7", tinyRun);
    const asked = { settings: { ...settings, loss: "topk10" }, planner: { overrides: { norm: "batch" } } } as const;
    const { dataset, folds } = await pipeline.run("7", { ...tinyRun, ...asked, variant: "bn-topk" });
    const paths = resultsPaths(folders, dataset.name, "nnUNetPaperPlans_bn-topk", "3d_fullres").fold(0);
    expect(folds[0]!.training.model).toBe(paths.model);
    expect(own.folds[0]!.training.model).not.toBe(paths.model);

    const metadata = modelMetadataFromOnnx(await readFile(paths.model), paths.model);
    expect(metadata.plans.variant).toMatchObject({ name: "bn-topk", training: { loss: "topk10", baseFeatures: 2 } });
    expect(metadata.recipe).toMatchObject({ loss: "topk10", optimiser: { name: "sgd", momentum: 0.99 } });
    expect((await readCheckpoint(paths.checkpoint)).settings.loss).toBe("topk10");
    const report = await readFile(join(folders.results, dataset.name, "report__nnUNetPaperPlans_bn-topk.html"), "utf8");
    expect(report).toContain("loss topk10, deepSupervision true");

    const again = await pipeline.run("7", {
      configurations: ["3d_fullres"],
      folds: [0],
      workers: 1,
      variant: "bn-topk",
    });
    expect(again.folds[0]!.training.trained).toBe(false);
    expect((await pipeline.run("7", tinyRun)).folds[0]!.training.trained).toBe(false);
    const status = await pipeline.rehearse(dataset, { ...tinyRun, ...asked, variant: "bn-topk" });
    expect(status.jobs.find(({ id }) => id === "plan")?.command.join(" ")).toBe(
      'plan Dataset007_Tiny --keep --set norm="batch" --variant bn-topk --epochs 1 --iterations-per-epoch 2 --validation-iterations 1 --loss topk10 --batch-size 2 --base-features 2',
    );
    // the page also tells what the latest run warned of, which was another
    expect(status.jobs.filter(({ state }) => state.is !== "done").map(({ id }) => id)).toEqual(["report"]);

    const other = (options: object) => pipeline.run("7", { ...tinyRun, variant: "bn-topk", ...options });
    await expect(other({ settings: { ...settings, loss: "dice" } })).rejects.toThrow(
      'loss: expected "topk10", as the variant bn-topk has it; leave `loss` out, or plan another variant with it, got "dice"',
    );
    await expect(other({ planner: { overrides: { norm: "instance" } } })).rejects.toThrow(
      'overrides: expected {"norm":"batch"}, as the variant bn-topk was planned with; leave `overrides` out, or choose another name by `variant`',
    );
    await expect(other({ planner: { gpuMemoryGb: 4 } })).rejects.toThrow(
      "gpuMemoryGb: expected the default, as the variant",
    );
    await expect(other({ plansName: "nnUNetPaperPlans" })).rejects.toThrow(
      "a plan that is there, or a variant, not both",
    );
  }));

test("a training follows the variant's plan, and refuses what is not the variant's", () =>
  withScratch(async (scratch) => {
    const { dataset, pipeline, folders } = await preprocessTiny(scratch);
    const training = { optimiser: { name: "sgd", momentum: 0.9 }, baseFeatures: 2, batchSize: 2 };
    const { plans } = await pipeline.plan(dataset, { variant: "momentum", training });
    const train = (options: object) => pipeline.train(dataset, plans, "3d_fullres", 0, { workers: 1, ...options });
    await expect(train({ batchSize: 3 })).rejects.toThrow("batchSize: expected 2, as the variant momentum has it");
    await expect(train({ settings: { loss: "dice" } })).rejects.toThrow('loss: expected "dice-cross-entropy", as the');
    await expect(train({ settings: { optimiser: { name: "sgd", momentum: 0.5 } } })).rejects.toThrow(
      /optimiser: expected "sgd,momentum=0.9,.*", as the variant momentum has it; .* got "sgd,momentum=0.5"/,
    );
    // how long, the variant does not say
    await train({ settings });
    const { checkpoint } = resultsPaths(folders, dataset.name, plans.plansName, "3d_fullres").fold(0);
    expect((await readCheckpoint(checkpoint)).settings).toMatchObject({
      optimiser: { momentum: 0.9 },
      batchSize: 2,
      epochs: 1,
    });
  }));

test("a fold that is trained with other options than those beside it is refused, since they are averaged", () =>
  withScratch(async (scratch) => {
    const { dataset, pipeline, plans, paths } = await preprocessTiny(scratch);
    await pipeline.train(dataset, plans, "3d_fullres", 0, tinyTraining);
    const second = (options: object) =>
      pipeline.train(dataset, plans, "3d_fullres", 1, { ...tinyTraining, ...options });
    await expect(second({ settings: { ...settings, loss: "cross-entropy" } })).rejects.toThrow(
      `${paths.folder}: holds fold_0, trained with \`loss\` "dice-cross-entropy", not "cross-entropy"; the folds of a folder are averaged: give \`loss\` "dice-cross-entropy", or plan a variant of another name (\`plan(7, { variant })\`)`,
    );
    await expect(second({ pretrained: paths.fold(0).model })).rejects.toThrow(
      /holds fold_0, trained with no `pretrained`, not "3d_fullres of Dataset007_Tiny .*"; the folds of a folder are averaged: leave `pretrained` out, or plan/,
    );
    await second({ settings: { ...settings, seed: 1 } });
  }));

test("the name of a variant is one that folders and commands can have", () =>
  withScratch(async (scratch) => {
    const { dataset, pipeline } = await preprocessTiny(scratch);
    for (const variant of ["", "a__b", "../x", "a b", "-a"]) {
      await expect(pipeline.plan(dataset, { variant })).rejects.toThrow(
        "variant: expected a name of letters and digits",
      );
    }
    await expect(pipeline.plan(dataset, { training: { loss: "dice" } })).rejects.toThrow(
      "variant: expected a variant's name with `loss`: the plan of a rule set has no options of training",
    );
    await expect(pipeline.plan(dataset, { variant: "x", training: { epochs: 0 } })).rejects.toThrow("epochs");
  }));
