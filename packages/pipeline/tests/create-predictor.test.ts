import { spawnSync } from "node:child_process";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { createVolume, type Volume, type VoxelArray } from "@nnunet/core";
import { readImage } from "@nnunet/io";
import {
  createPipeline,
  createPredictor,
  type EmbeddedPredictor,
  loadPredictor,
  type Pipeline,
} from "@nnunet/pipeline";
import { foldersIn, tinyTraining, writeTinyDataset } from "./tiny-dataset.ts";

// Each training takes a second or two, but other test files may use the cores at the same time.
jest.setTimeout(240_000);

let scratch: string;
let dataset: string;
let pipeline: Pipeline;
let model: string;
let predictor: EmbeddedPredictor;
let image: Volume<Float32Array>;
const first = () => join(dataset, "imagesTs", "tiny_5_0000.nii.gz");

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "nnunet-pipeline-"));
  const folders = foldersIn(scratch);
  dataset = await writeTinyDataset(folders.raw, {
    name: "Dataset007_Tiny",
    prefix: "tiny",
    trainingCases: 5,
    testCases: 2,
  });
  pipeline = createPipeline({}, folders);
  const { folds } = await pipeline.run(dataset, { ...tinyTraining, configurations: ["3d_fullres"], folds: [0] });
  model = folds[0]!.training.model;
  predictor = await createPredictor(model);
  const { data, shape, geometry } = await readImage(first());
  image = createVolume(Float32Array.from(data), shape, geometry);
});
afterAll(async () => {
  await predictor?.dispose();
  await rm(scratch, { recursive: true, force: true });
});

/** What the pipeline writes for the same image. */
async function written(): Promise<Volume> {
  const loaded = await loadPredictor(model);
  try {
    const output = join(scratch, "reference.nii.gz");
    await pipeline.predict(loaded, first(), output, { overwrite: true });
    return await readImage(output);
  } finally {
    await loaded.dispose();
  }
}

describe("an embedded predictor", () => {
  test("tells channels and labels of its model", () => {
    expect(predictor.metadata.dataset.channelNames).toEqual(["MRI"]);
  });

  test("gives for a file and for its voxels what the pipeline writes, and shows how far it is", async () => {
    const expected = await written();
    const fractions: number[] = [];
    const ofFile = await predictor.predict(first(), { onProgress: (fraction) => fractions.push(fraction) });
    const ofVolume = await predictor.predict(image);
    expect(ofFile.id).toBe("tiny_5");
    expect(ofFile.segmentation.shape).toEqual(expected.shape);
    expect(ofFile.segmentation.geometry.spacing).toEqual(expected.geometry.spacing);
    expect([...ofFile.segmentation.data]).toEqual([...expected.data]);
    expect([...ofVolume.segmentation.data]).toEqual([...expected.data]);
    expect(fractions.at(-1)).toBe(1);
    expect(fractions).toEqual([...fractions].sort((a, b) => a - b));
    expect(image.data.length).toBeGreaterThan(0); // the caller's voxels are still the caller's
  });

  test("takes voxels of the type that they are stored in, and refuses what is no volume by a sentence", async () => {
    const whole = Int16Array.from(image.data, (value) => Math.round(100 * value));
    const labels = async (data: VoxelArray) => [...(await predictor.predict({ ...image, data })).segmentation.data];
    const expected = await labels(Float32Array.from(whole));
    expect(await labels(whole)).toEqual(expected);
    expect(await labels(Float64Array.from(whole))).toEqual(expected);
    const shared = new Int32Array(new SharedArrayBuffer(4 * whole.length));
    shared.set(whole);
    expect(await labels(shared)).toEqual(expected);
    const { data, shape, geometry } = image;
    for (const wrong of [undefined, 5, {}, { data: [...data], shape, geometry }, { data, geometry }, { data, shape }]) {
      await expect(predictor.predict(wrong as unknown as Volume)).rejects.toMatchObject({
        code: "INVALID_ARGUMENT",
        message: expect.stringContaining("input: expected a path, or a volume { data, shape, geometry }, got"),
      });
    }
  });

  test("refuses a volume that lies nowhere, or in less than space", async () => {
    const placed = (change: object) =>
      predictor.predict({ ...image, geometry: { ...image.geometry, ...change } } as Volume).then(
        () => "no error",
        (error: Error) => error.message,
      );
    expect(await placed({ origin: undefined })).toBe(
      "geometry.origin: expected three numbers x, y, z in mm, got undefined",
    );
    for (const direction of [
      [1],
      Array(9).fill(0),
      [1, 0, 0, 1, 0, 0, 0, 0, 1],
      [Number.NaN, 0, 0, 0, 1, 0, 0, 0, 1],
    ]) {
      expect(await placed({ direction })).toContain(
        "geometry.direction: expected nine numbers, rows of a matrix that spans space, got [",
      );
    }
    expect(await placed({})).toBe("no error");
  });

  test("works through calls that come at once, and leaves the caller's thread free", async () => {
    const answers: number[] = [];
    const calls = [0, 1, 2].map((n) => predictor.predict(first()).then(() => answers.push(n)));
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    await Promise.all(calls);
    clearInterval(timer);
    expect(answers).toEqual([0, 1, 2]);
    expect(turns).toBeGreaterThan(3);
  });

  test("stops a running call and takes a waiting one out of the queue, and goes on with the others", async () => {
    const [running, waiting] = [new AbortController(), new AbortController()];
    const large = createVolume(new Float32Array(40 * 64 * 64), [1, 40, 64, 64], image.geometry);
    const fractions: number[] = [];
    const onProgress = (fraction: number) => {
      fractions.push(fraction);
      running.abort();
    };
    const calls = [
      predictor.predict(large, { signal: running.signal, onProgress }),
      predictor.predict(first(), { signal: waiting.signal }),
      predictor.predict(first()),
    ];
    waiting.abort();
    const [a, b, c] = await Promise.allSettled(calls);
    expect(a).toMatchObject({ status: "rejected", reason: { code: "CANCELLED" } });
    expect(fractions.at(-1)).toBeLessThan(1);
    expect(b).toMatchObject({ status: "rejected", reason: { code: "CANCELLED" } });
    expect(c).toMatchObject({ status: "fulfilled", value: { id: "tiny_5" } });
    await expect(predictor.predict(first(), { signal: running.signal })).rejects.toMatchObject({ code: "CANCELLED" });
  });

  test("refuses a call more than may wait", async () => {
    const narrow = await createPredictor(model, { maxWaiting: 1, mirroring: false });
    try {
      const two = [narrow.predict(first()), narrow.predict(first())];
      await expect(narrow.predict(first())).rejects.toMatchObject({
        code: "LIMIT",
        message: "prediction needs a place in the queue, but 1 may wait (maxWaiting); try again later",
      });
      await Promise.all(two);
      await narrow.predict(first());
    } finally {
      await narrow.dispose();
    }
  });

  test("says what is wrong with an input, and takes the next one", async () => {
    const { data, shape, geometry } = image;
    const bad = new Float32Array(data);
    bad[7] = Number.NaN;
    const two = createVolume(new Float32Array(2 * data.length), [2, shape[1], shape[2], shape[3]], geometry);
    const damaged = join(scratch, "damaged.nii.gz");
    await writeFile(damaged, "this is no image");
    const inputs = [join(scratch, "no.nii.gz"), join(dataset, "imagesTs"), damaged, two, { ...image, data: bad }];
    const results = await Promise.allSettled(inputs.map((input) => predictor.predict(input)));
    expect(results.map((each) => (each as PromiseRejectedResult).reason)).toMatchObject([
      { code: "FILE", message: expect.stringContaining("no.nii.gz") },
      { code: "FILE", message: expect.stringContaining("holds 2 cases, and one is predicted at a time") },
      { code: "IMAGE_FILE", message: expect.stringContaining("damaged.nii.gz") },
      { code: "INVALID_ARGUMENT", message: expect.stringContaining("1 channels (MRI)") },
      { code: "INVALID_ARGUMENT", message: expect.stringContaining("index 7") },
    ]);
    await predictor.predict(first());
  });

  test("a listener that throws fails its own call only", async () => {
    const onProgress = () => {
      throw new Error("the page is closed");
    };
    await expect(predictor.predict(first(), { onProgress })).rejects.toThrow("the page is closed");
    await predictor.predict(first());
  });

  test("disposed while it works, it refuses what runs, what waits and what comes", async () => {
    const other = await createPredictor(model);
    const calls = [other.predict(first()), other.predict(image)];
    const settled = Promise.allSettled(calls);
    await other.dispose();
    await other.dispose();
    for (const each of await settled) expect(each).toMatchObject({ reason: { code: "CANCELLED" } });
    await expect(other.predict(first())).rejects.toMatchObject({ code: "CANCELLED" });
  });

  test("refuses a model that is not there or not whole", async () => {
    await expect(createPredictor(join(scratch, "no.onnx"))).rejects.toMatchObject({ code: "FILE" });
    await expect(createPredictor(model, { maxWaiting: -1 })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  });

  test("keeps no process alive when idle, and leaves nothing in the folder of the images", async () => {
    await sleep(1);
    const before = await readdir(join(dataset, "imagesTs"));
    const script = `import { createPredictor } from ${JSON.stringify(pathToFileURL(join(process.cwd(), "packages/pipeline/dist/index.js")).href)};
      const predictor = await createPredictor(${JSON.stringify(model)});
      const { segmentation } = await predictor.predict(${JSON.stringify(first())});
      console.log(segmentation.shape.length);`;
    const { status, stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
      cwd: dirname(model),
      encoding: "utf8",
      timeout: 200_000,
    });
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: "4\n", stderr: "" });
    expect(await readdir(join(dataset, "imagesTs"))).toEqual(before);
  });
});
