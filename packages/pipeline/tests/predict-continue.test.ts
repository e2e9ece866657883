import { spawnSync } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import type { NnunetEvent } from "@nnunet/core";
import { writeJsonAtomic } from "@nnunet/core/node";
import { loadModel, type Model } from "@nnunet/inference";
import { readImage, writeImage } from "@nnunet/io";
import { createPipeline, fastPrediction, type Pipeline, predictorOf } from "@nnunet/pipeline";
import { foldersIn, tinyCase, withScratch, writeTinyDataset } from "./tiny-dataset.ts";

// Each training takes a second or two, but other test files may use the cores at the same time.
jest.setTimeout(240_000);

let scratch: string;
let images: string;
let pipeline: Pipeline;
let model: Model;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "nnunet-pipeline-"));
  const folders = foldersIn(scratch);
  const dataset = await writeTinyDataset(folders.raw, {
    name: "Dataset007_Tiny",
    prefix: "tiny",
    trainingCases: 5,
    testCases: 0,
  });
  images = join(dataset, "imagesTr");
  pipeline = createPipeline({}, folders);
  const sizes = {
    baseFeatures: 2,
    batchSize: 2,
    settings: { epochs: 1, iterationsPerEpoch: 2, validationIterations: 1 },
    workers: 1,
  };
  const { folds } = await pipeline.run(dataset, { ...sizes, configurations: ["3d_fullres"], folds: [0] });
  model = await loadModel(folds[0]!.training.model);
});
afterAll(async () => {
  await model?.dispose();
  await rm(scratch, { recursive: true, force: true });
});

const fast = { mirroring: false };
const goOn = { ...fast, continue: true };
/** The same network under other metadata. */
const as = (changed: Partial<Model["metadata"]>): Model => ({
  metadata: { ...model.metadata, ...changed },
  run: (batch, shape) => model.run(batch, shape),
  dispose: async () => {},
});

/** Five segmentations in `output`, of a copy of the images in `input`. */
const predicted = (work: (input: string, output: string) => Promise<void>) =>
  withScratch(async (folder) => {
    const [input, output] = [join(folder, "in"), join(folder, "out")];
    await cp(images, input, { recursive: true });
    await pipeline.predict(predictorOf([{ models: [model] }]), input, output, fast);
    await work(input, output);
  });
const names = (paths: readonly string[]) => paths.map((path) => path.slice(-"tiny_0.nii.gz".length));
const all = [0, 1, 2, 3, 4].map((index) => `tiny_${index}.nii.gz`);

test("where a case fails, how many are done is said, and that they are kept", () =>
  withScratch(async (folder) => {
    const [input, output] = [join(folder, "in"), join(folder, "out")];
    await cp(images, input, { recursive: true });
    const damaged = join(input, "tiny_2_0000.nii.gz");
    await truncate(damaged, (await stat(damaged)).size - 6); // its header can be read
    const told: string[] = [];
    const onEvent = (event: NnunetEvent) => void (event.type === "message" && told.push(event.text));
    const failing = pipeline.predict(predictorOf([{ models: [model] }]), input, output, { ...fast, onEvent });
    await expect(failing).rejects.toThrow(/^predict, case tiny_2: /);
    expect(told.at(-1)).toBe("2 of 5 cases done, which `continue` keeps");
    await cp(join(images, "tiny_2_0000.nii.gz"), damaged);
    const later = await pipeline.predict(predictorOf([{ models: [model] }]), input, output, goOn);
    expect(names(later)).toEqual(["tiny_2.nii.gz", "tiny_3.nii.gz", "tiny_4.nii.gz"]);
  }));

test("shortcuts that were taken are recorded beside the results, by name; without any nothing is said", () =>
  withScratch(async (folder) => {
    const recorded = async (options: Parameters<Pipeline["predict"]>[3]) => {
      const output = join(folder, `out_${JSON.stringify(options).length}`);
      const one = join(folder, "one");
      await mkdir(one, { recursive: true });
      await cp(join(images, "tiny_0_0000.nii.gz"), join(one, "tiny_0_0000.nii.gz"));
      await pipeline.predict(predictorOf([{ models: [model] }]), one, output, options);
      const { predictions } = JSON.parse(await readFile(join(output, "made_from.json"), "utf8"));
      return predictions["tiny_0.nii.gz"].shortcuts;
    };
    expect(await recorded({})).toBeUndefined();
    expect(await recorded(fastPrediction)).toEqual({ mirroring: false, step_fraction: 0.75, body_mask: true });
    expect(await recorded(fast)).toEqual({ mirroring: false });
  }));

describe("a prediction that is continued", () => {
  test("keeps what was made from the same, by whatever version, and redoes exactly what was not", () =>
    predicted(async (input, output) => {
      const times = async () => Promise.all(all.map(async (name) => (await stat(join(output, name))).mtimeMs));
      const before = await times();
      expect(
        await pipeline.predict(predictorOf([{ models: [as({ softwareVersion: "99.0.0" })] }]), input, output, goOn),
      ).toEqual([]);
      expect(await times()).toEqual(before);

      const { image } = tinyCase(1);
      image.data[7]! += 1;
      await writeImage(join(input, "tiny_1_0000.nii.gz"), image);
      await truncate(join(output, "tiny_3.nii.gz"), 40);
      await rm(join(output, "tiny_4.nii.gz"));
      const again = await pipeline.predict(predictorOf([{ models: [model] }]), input, output, goOn);
      expect(names(again)).toEqual(["tiny_1.nii.gz", "tiny_3.nii.gz", "tiny_4.nii.gz"]);
      expect((await readImage(join(output, "tiny_3.nii.gz"))).shape).toEqual([1, 10, 16, 16]);
      expect((await times())[0]).toBe(before[0]);
    }));

  test("redoes everything of another model, and of other options", () =>
    predicted(async (input, output) => {
      const told: string[] = [];
      const onEvent = (event: NnunetEvent) => void (event.type === "message" && told.push(event.text));
      const steps = { ...goOn, stepFraction: 1, onEvent };
      expect(names(await pipeline.predict(predictorOf([{ models: [model] }]), input, output, steps))).toEqual(all);
      expect(told).toContain("5 results of another image, model or option, or not whole, are made again");
      expect(
        names(await pipeline.predict(predictorOf([{ models: [model] }]), input, output, { ...goOn, mirroring: true })),
      ).toEqual(all);
      expect(
        names(await pipeline.predict(predictorOf([{ models: [model] }]), input, output, { ...goOn, mirroring: true })),
      ).toEqual([]);
      const other = as({ weightsSha256: "0".repeat(64) });
      expect(
        names(await pipeline.predict(predictorOf([{ models: [other] }]), input, output, { ...goOn, mirroring: true })),
      ).toEqual(all);
    }));

  test("says so if another process with another model has replaced some of it meanwhile", () =>
    predicted(async (input, output) => {
      const one = join(input, "..", "one");
      await mkdir(one);
      await cp(join(input, "tiny_0_0000.nii.gz"), join(one, "tiny_0_0000.nii.gz"));
      const other = as({ weightsSha256: "0".repeat(64) });
      let done = 0;
      let between: Promise<unknown> | undefined;
      const slow: Model = {
        ...as({ weightsSha256: "1".repeat(64) }),
        // the first case is made; while the second one is, another model makes the first again
        run: async (batch, shape) => {
          if (done === 1) await (between ??= pipeline.predict(predictorOf([{ models: [other] }]), one, output, goOn));
          return model.run(batch, shape);
        },
      };
      const onEvent = (event: NnunetEvent) => {
        if (event.type === "progress") done = event.done;
      };
      await expect(
        pipeline.predict(predictorOf([{ models: [slow] }]), input, output, { ...goOn, onEvent }),
      ).rejects.toThrow(
        `${join(output, "tiny_0.nii.gz")}: was replaced meanwhile by another process, which has other models or options; run one of the two again with an output folder of its own`,
      );
    }));

  test("refuses what somebody has changed since, and what nothing is known of, before any work", () =>
    predicted(async (input, output) => {
      const edited = join(output, "tiny_2.nii.gz");
      const { label } = tinyCase(2);
      await writeImage(edited, label);
      const bytes = await readFile(edited);
      await rm(join(output, "tiny_0.nii.gz"));
      await expect(pipeline.predict(predictorOf([{ models: [model] }]), input, output, goOn)).rejects.toThrow(
        `${edited}: was changed after it had been written; move it away to have it predicted again, or add \`overwrite\` to replace it`,
      );
      expect(await readFile(edited)).toEqual(bytes);
      expect(await readdir(output)).not.toContain("tiny_0.nii.gz");

      await rm(join(output, "made_from.json"));
      await expect(pipeline.predict(predictorOf([{ models: [model] }]), input, output, goOn)).rejects.toThrow(
        `${join(output, "tiny_1.nii.gz")}: exists already, and nothing says what it was made from; move it away, add \`overwrite\` to replace it, or choose another output`,
      );
      expect(
        names(await pipeline.predict(predictorOf([{ models: [model] }]), input, output, { ...fast, overwrite: true })),
      ).toEqual(all);
      expect(await pipeline.predict(predictorOf([{ models: [model] }]), input, output, goOn)).toEqual([]);
    }));

  test.each([
    ["probabilities", { probabilities: true }, "probabilities/tiny_0.zarr"],
    ["images of probabilities", { saveProbabilities: true }, "tiny_0_probabilities.nii.gz"],
    ["nnU-Net v2's probabilities", { saveProbabilities: "npz" }, "tiny_0.npz"],
  ] as const)(
    "leaves no %s of other models beside new segmentations: they would be averaged as theirs",
    (_, kept, file) =>
      withScratch(async (output) => {
        const other = predictorOf([{ models: [as({ folds: [1] })] }]);
        await pipeline.predict(predictorOf([{ models: [model] }]), images, output, { ...fast, ...kept });
        for (const how of [{ continue: true }, { overwrite: true }]) {
          await expect(pipeline.predict(other, images, output, { ...fast, ...how })).rejects.toThrow(
            `${join(output, file)}: belongs to an earlier prediction and would not be replaced with the segmentation beside it; remove it, add \``,
          );
        }
        // Those that the same would give stay, and those that are made again are replaced.
        expect(await pipeline.predict(predictorOf([{ models: [model] }]), images, output, goOn)).toEqual([]);
        await pipeline.predict(predictorOf([{ models: [model] }]), images, output, { ...fast, overwrite: true });
        await pipeline.predict(other, images, output, { ...fast, ...kept, overwrite: true });
      }),
  );

  test("into one file leaves no probabilities of an earlier one beside it", () =>
    withScratch(async (folder) => {
      const [image, output] = [join(images, "tiny_0_0000.nii.gz"), join(folder, "a.nii.gz")];
      const predictor = predictorOf([{ models: [model] }]);
      await pipeline.predict(predictor, image, output, { ...fast, saveProbabilities: true });
      await expect(pipeline.predict(predictor, image, output, { ...fast, overwrite: true })).rejects.toThrow(
        `${join(folder, "a_probabilities.nii.gz")}: belongs to an earlier prediction`,
      );
      await pipeline.predict(predictor, image, output, { ...fast, saveProbabilities: true, overwrite: true });
    }));

  test("into one file refuses one that is there: nothing is noted of it", () =>
    withScratch(async (folder) => {
      const [image, output] = [join(images, "tiny_0_0000.nii.gz"), join(folder, "r.nii.gz")];
      await pipeline.predict(predictorOf([{ models: [model] }]), image, output, fast);
      await expect(pipeline.predict(predictorOf([{ models: [model] }]), image, output, goOn)).rejects.toThrow(
        `${output}: exists already, and nothing says what it was made from`,
      );
      expect(await readdir(folder)).toEqual(["r.nii.gz"]);
    }));

  test("looks at the voxels beside a header, too", () =>
    withScratch(async (folder) => {
      const output = join(folder, "out");
      const pairs = as({ dataset: { ...model.metadata.dataset, fileEnding: ".hdr" } });
      await pipeline.predict(predictorOf([{ models: [pairs] }]), images, output, fast);
      await truncate(join(output, "tiny_1.img"), 100);
      await rm(join(output, "tiny_2.img"));
      const again = await pipeline.predict(predictorOf([{ models: [pairs] }]), images, output, goOn);
      expect(again).toEqual([join(output, "tiny_1.hdr"), join(output, "tiny_2.hdr")]);
      expect((await readImage(join(output, "tiny_1.hdr"))).shape).toEqual([1, 10, 16, 16]);
    }));
});

describe("every file of a result is an output", () => {
  test.each([
    ["r.hdr", "r.img"],
    ["r.mhd", "r.zraw"],
    ["r.nhdr", "r.raw.gz"],
    ["r.tif", "r.json"],
  ])("%s never replaces %s unasked", (name, beside) =>
    withScratch(async (folder) => {
      const [image, output, other] = [join(images, "tiny_0_0000.nii.gz"), join(folder, name), join(folder, beside)];
      const bytes = beside === "r.json" ? '{"spacing": [9, 9, 9]}' : "somebody's";
      await writeFile(other, bytes);
      await expect(pipeline.predict(predictorOf([{ models: [model] }]), image, output, fast)).rejects.toThrow(
        `${other}: exists already; add \`overwrite\` to replace it, or choose another output`,
      );
      expect(await readFile(other, "utf8")).toBe(bytes);
      expect(await readdir(folder)).toEqual([beside]);
      await pipeline.predict(predictorOf([{ models: [model] }]), image, output, { ...fast, overwrite: true });
      expect((await readImage(output)).geometry.spacing).toEqual([2, 1, 1]);
    }),
  );

  test("the spacing beside a TIFF never replaces a JSON file of something else, whatever is asked", () =>
    withScratch(async (folder) => {
      const image = join(images, "tiny_0_0000.nii.gz");
      await writeFile(join(folder, "r.json"), '{"mine": 1}');
      for (const [name, json] of [
        ["r.tif", "r.json"],
        ["dataset.tif", "dataset.json"],
      ] as const) {
        const predicting = pipeline.predict(predictorOf([{ models: [model] }]), image, join(folder, name), {
          ...fast,
          overwrite: true,
        });
        await expect(predicting).rejects.toThrow(
          `${join(folder, json)}: the spacing beside a TIFF has this name, which belongs to something else`,
        );
      }
      expect(await readFile(join(folder, "r.json"), "utf8")).toBe('{"mine": 1}');
    }));

  test("the voxels that an input's header names are no output, with --overwrite neither", () =>
    withScratch(async (folder) => {
      const { image } = tinyCase(0);
      await mkdir(join(folder, "out"));
      await writeImage(join(folder, "a.mhd"), image);
      const voxels = await readFile(join(folder, "a.zraw"));
      const header = (await readFile(join(folder, "a.mhd"), "latin1")).replace("a.zraw", "b.zraw");
      await cp(join(folder, "a.zraw"), join(folder, "b.zraw"));
      await writeFile(join(folder, "a.mhd"), header);
      await expect(
        pipeline.predict(predictorOf([{ models: [model] }]), join(folder, "a.mhd"), join(folder, "b.mhd"), {
          ...fast,
          overwrite: true,
        }),
      ).rejects.toThrow(`${join(folder, "b.zraw")}: is an image to be segmented, and never overwritten`);
      expect(await readFile(join(folder, "b.zraw"))).toEqual(voxels);
    }));

  test("two cases that would give one file are refused", () =>
    withScratch(async (folder) => {
      const input = join(folder, "in");
      const { image } = tinyCase(0);
      for (const id of ["a", "a_probabilities"]) await writeImage(join(input, `${id}_0000.nii.gz`), image);
      const both = pipeline.predict(predictorOf([{ models: [model] }]), input, join(folder, "out"), {
        ...fast,
        saveProbabilities: true,
      });
      await expect(both).rejects.toThrow(
        `${join(folder, "out", "a_probabilities.nii.gz")}: would be written for case a and for case a_probabilities; rename one of them`,
      );
    }));
});

describe("planted links are replaced, never followed", () => {
  test("as segmentation, record and description of a prediction", () =>
    withScratch(async (folder) => {
      const [output, victim] = [join(folder, "out"), join(folder, "victim")];
      await writeFile(victim, "mine");
      await mkdir(output);
      for (const name of ["tiny_0.nii.gz", "made_from.json"]) await symlink(victim, join(output, name));
      for (const name of ["plans.json", "dataset.json"]) await symlink(join(folder, "new"), join(output, name));
      await pipeline.predict(predictorOf([{ models: [model] }]), images, output, { ...fast, overwrite: true });
      expect(await readFile(victim, "utf8")).toBe("mine");
      expect((await readdir(folder)).sort()).toEqual(["out", "victim"]);
    }));
});

describe("results never lie where they would be taken for images", () => {
  const same = "lies among the images to be segmented: a later run would take the segmentations in it for images";
  test("in the folder of the images, by whatever name", () =>
    predicted(async (input, output) => {
      const one = join(input, "tiny_0_0000.nii.gz");
      const link = join(output, "..", "link");
      await symlink(input, link);
      for (const folder of [input, `${input}/`, link]) {
        await expect(pipeline.predict(predictorOf([{ models: [model] }]), input, folder, fast)).rejects.toThrow(
          `${folder}: ${same}`,
        );
        await expect(pipeline.predict(predictorOf([{ models: [model] }]), one, folder, fast)).rejects.toThrow(
          `${folder}: ${same}`,
        );
      }
      await rm(join(input, "tiny_1_0000.nii.gz"));
      for (const index of [2, 3, 4]) await rm(join(input, `tiny_${index}_0000.nii.gz`));
      const file = join(input, "r.nii.gz");
      await expect(pipeline.predict(predictorOf([{ models: [model] }]), input, file, fast)).rejects.toThrow(
        `${file}: ${same}`,
      );
      // an image and its result, each named by itself, may lie side by side, as may a folder inside the other
      expect(await pipeline.predict(predictorOf([{ models: [model] }]), one, file, fast)).toEqual([file]);
      await rm(file);
      expect(await pipeline.predict(predictorOf([{ models: [model] }]), input, join(input, "out"), fast)).toHaveLength(
        1,
      );
    }));

  test("in the images or labels of a dataset", () =>
    withScratch(async (folder) => {
      await writeJsonAtomic(join(folder, "Dataset001_X", "dataset.json"), {});
      for (const part of ["imagesTr", "labelsTs"]) {
        const output = join(folder, "Dataset001_X", part);
        await expect(pipeline.predict(predictorOf([{ models: [model] }]), images, output, fast)).rejects.toThrow(
          `${output}: lies in ${part} of a dataset, whose images and labels are never mixed with predictions`,
        );
      }
    }));
});

test("a channel that lies elsewhere than the first is refused", () =>
  withScratch(async (folder) => {
    const { image } = tinyCase(0);
    const two = as({ dataset: { ...model.metadata.dataset, channelNames: ["T1", "T2"] } });
    await writeImage(join(folder, "a_0000.nii.gz"), image);
    const [x, y, z] = image.geometry.origin;
    const elsewhere = { ...image, geometry: { ...image.geometry, origin: [x + 40, y + 40, z + 40] as const } };
    await writeImage(join(folder, "a_0001.nii.gz"), elsewhere);
    await expect(pipeline.predict(predictorOf([{ models: [two] }]), folder, join(folder, "out"), fast)).rejects.toThrow(
      /a_0001\.nii\.gz.*origin/,
    );
    expect((await readdir(join(folder, "out"))).filter((name) => name.startsWith("a"))).toEqual([]);
  }));

test("a pipe among the images is not waited for", () =>
  withScratch(async (folder) => {
    if (spawnSync("mkfifo", [join(folder, "a_0000.nii.gz")]).status !== 0) return;
    const told: NnunetEvent[] = [];
    const onEvent = (event: NnunetEvent) => told.push(event);
    await expect(
      pipeline.predict(predictorOf([{ models: [model] }]), folder, join(folder, "out"), { ...fast, onEvent }),
    ).rejects.toThrow("a pipe");
  }));
