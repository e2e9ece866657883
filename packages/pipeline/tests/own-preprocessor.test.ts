import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, jest, test } from "@jest/globals";
import type { PreprocessedCase, Preprocessor } from "@nnunet/core";
import { createPipeline, createPredictor, exportForV2, loadConfig, loadPredictor } from "@nnunet/pipeline";
import { defaultPreprocessor } from "@nnunet/preprocess";
import { preprocessTiny, tinyTraining, withScratch } from "./tiny-dataset.ts";

jest.setTimeout(200_000);

const changed = (change: (made: PreprocessedCase) => unknown): Preprocessor => ({
  name: "mine",
  preprocessCase: (...given) => change(defaultPreprocessor.preprocessCase(...given)) as PreprocessedCase,
});

test("an image to be segmented is preprocessed as the training cases were, and a network never sees another preprocessing", () =>
  withScratch(async (scratch) => {
    const { dataset, plans, folders, paths } = await preprocessTiny(scratch);
    const images: string[] = [];
    const preprocessor: Preprocessor = {
      ...changed((made) => ({ ...made, data: made.data.map((x) => 5 - 3 * x) })),
      preprocessCase(loaded, ...given) {
        if (!loaded.label) images.push(loaded.id);
        const made = defaultPreprocessor.preprocessCase(loaded, ...given);
        return { ...made, data: made.data.map((x) => 5 - 3 * x) };
      },
    };
    const pipeline = createPipeline({ preprocessor }, folders);
    await pipeline.preprocess(dataset, plans, ["3d_fullres"]);
    const { validation, model } = await pipeline.train(dataset, plans, "3d_fullres", 0, tinyTraining);
    expect(images.length).toBe(validation.cases.length);

    const image = join(folders.raw, dataset.name, "imagesTs", "tiny_6_0000.nii.gz");
    const predict = async (by: typeof pipeline, from: string) => {
      const predictor = await loadPredictor(from);
      return by.predict(predictor, image, join(scratch, "out"), { overwrite: true }).finally(() => predictor.dispose());
    };
    await predict(pipeline, model);
    expect(images.at(-1)).toBe("tiny_6");
    const asInTraining = "preprocessor: expected mine, as in training: load the config that brings it";
    await expect(predict(createPipeline({}, folders), model)).rejects.toThrow(asInTraining);
    const embedded = await createPredictor(model);
    await expect(embedded.predict(image)).rejects.toThrow(asInTraining);
    await embedded.dispose();
    await expect(exportForV2(paths.folder, "3d_fullres", [0], join(scratch, "v2"))).rejects.toThrow(
      "the preprocessor mine in nnU-Net v2 is not supported",
    );

    const standard = createPipeline({}, folders);
    await standard.preprocess(dataset, plans, ["3d_fullres"]);
    const options = { ...tinyTraining, existing: "overwrite" } as const;
    const other = await standard.train(dataset, plans, "3d_fullres", 0, options);
    await expect(predict(pipeline, other.model)).rejects.toThrow(
      "preprocessor: expected default, as in training: load the config that brings it (preprocessor of nnunet.config.ts), or leave one's own out (a predictor of one's own wraps predictorWithPreprocessor), got \"mine\"",
    );
  }));

test("cases of one preprocessor, and of one version of it, are never trained on as another's", () =>
  withScratch(async (scratch) => {
    const { dataset, plans, folders } = await preprocessTiny(scratch);
    const preprocessed = join(folders.preprocessed, dataset.name);
    const stores = async () => (await readdir(preprocessed)).filter((name) => name.endsWith("_zarr")).sort();
    const [standard] = await stores();
    const contents = async () => {
      const files = await readdir(join(preprocessed, standard!), { recursive: true, withFileTypes: true });
      return Promise.all(
        files.filter((file) => file.isFile()).map((file) => readFile(join(file.parentPath, file.name))),
      );
    };
    const before = await contents();
    const twice = changed((made) => ({ ...made, data: made.data.map((x) => 2 * x) }));
    for (const preprocessor of [twice, { ...twice, version: "2" }]) {
      const pipeline = createPipeline({ preprocessor }, folders);
      await expect(pipeline.train(dataset, plans, "3d_fullres", 0, tinyTraining)).rejects.toThrow(
        "is not preprocessed",
      );
      await pipeline.preprocess(dataset, plans, ["3d_fullres"]);
    }
    expect((await stores()).length).toBe(3);
    expect(await contents()).toEqual(before);
  }));

test("a preprocessor of a config file preprocesses the images of its predictions, in threads too", () =>
  withScratch(async (scratch) => {
    const { dataset, plans, folders } = await preprocessTiny(scratch);
    const file = join(scratch, "nnunet.config.mjs");
    await writeFile(
      file,
      `import { isMainThread } from "node:worker_threads";
      import { defaultPreprocessor } from "@nnunet/preprocess";
      export default { preprocessor: { name: "threaded", preprocessCase(loaded, ...given) {
        if (isMainThread && loaded.label) throw new Error("this is the main thread");
        return defaultPreprocessor.preprocessCase(loaded, ...given);
      } } };`,
    );
    const pipeline = createPipeline(await loadConfig(file), folders);
    expect(pipeline.stages.predictor.name).toBe("default with preprocessor threaded");
    await pipeline.preprocess(dataset, plans, ["3d_fullres"]);
    const { model } = await pipeline.train(dataset, plans, "3d_fullres", 0, tinyTraining);
    const predictor = await loadPredictor(model);
    const images = join(folders.raw, dataset.name, "imagesTr");
    await pipeline
      .predict(predictor, images, join(scratch, "out"), { casesAtOnce: 2 })
      .finally(() => predictor.dispose());
    expect(await readdir(join(scratch, "out"))).toContain("tiny_5.nii.gz");
  }));

const broken: readonly [string, (made: PreprocessedCase) => unknown, string][] = [
  ["nothing", () => undefined, "shape is undefined, expected the sizes of channels, z, y, x"],
  ["a promise", async (made) => made, "preprocessCase() returns a promise; it is synchronous"],
  [
    "float64",
    (made) => ({ ...made, data: Float64Array.from(made.data) }),
    "data is Float64Array(2560), expected a Float",
  ],
  ["too few voxels", (made) => ({ ...made, data: made.data.slice(5) }), "data has 2555 values in shape [1,10,16,16]"],
  ["NaN", (made) => ({ ...made, data: made.data.fill(Number.NaN, 7, 8) }), "data has NaN at 7, expected finite voxels"],
  [
    "float labels",
    (made) => ({ ...made, seg: Float32Array.from(made.seg!) }),
    "seg is Float32Array(2560), expected an Int16",
  ],
  [
    "a label that no class has",
    (made) => ({ ...made, seg: made.seg!.fill(9, 0, 1) }),
    "seg has 9, which is no label of",
  ],
  [
    "another case",
    (made) => ({ ...made, properties: { ...made.properties, id: "x" } }),
    'properties.id is "x", the case is',
  ],
  [
    "no place of any label",
    (made) => ({ ...made, properties: { ...made.properties, classLocations: {} } }),
    "classLocations is empty, so no patch would be centred on label 1",
  ],
];

test(`a preprocessor that makes ${broken.map(([what]) => what).join(", ")} is refused before anything is stored`, () =>
  withScratch(async (scratch) => {
    const { dataset, plans, folders } = await preprocessTiny(scratch);
    for (const [, change, problem] of broken) {
      const pipeline = createPipeline({ preprocessor: changed(change) }, folders);
      await expect(pipeline.preprocess(dataset, plans, ["3d_fullres"])).rejects.toThrow(
        `preprocess, case tiny_0: preprocessor mine: what it makes of case tiny_0 is no preprocessed case: ${problem}`,
      );
    }
  }));
