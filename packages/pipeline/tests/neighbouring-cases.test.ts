import { mkdir, readdir, readFile, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, jest, test } from "@jest/globals";
import { axisAlignedGeometry, createVolume, type NnunetEvent } from "@nnunet/core";
import { writeImage } from "@nnunet/io";
import { createPipeline, loadPredictor, type PredictionOptions } from "@nnunet/pipeline";
import { pointwise, tinyMetadata, tinyModelBytes } from "../../inference/tests/tiny-model.ts";
import { type NeighbourOptions, neighbouringCases } from "../src/prediction/neighbouring-cases.ts";
import { foldersIn, withScratch } from "./tiny-dataset.ts";

// Threads load the built modules while other test files use the cores.
jest.setTimeout(120_000);

const GB = 1e9;
const some = (count: number, own: number, seconds = 5) =>
  Array.from({ length: count }, () => ({ memory: (0.2 + own) * GB, disk: 0, seconds }));
const choose = (count: number, own: number, options: Partial<NeighbourOptions> = {}) =>
  neighbouringCases(some(count, own), { taken: 0.2 * GB, limit: 8 * GB, weights: 0, cores: 2, ...options });

test("two cores work on two cases, by a thread each; more cores on up to four, and share the rest", () => {
  expect(choose(8, 0.5)).toMatchObject({ atOnce: 2, networkThreads: 1 });
  expect(choose(8, 0.5).told).toBe("2 cases at a time, each by a network of 1 thread");
  expect(choose(40, 0.5, { cores: 3 })).toMatchObject({ atOnce: 3, networkThreads: 1 });
  expect(choose(40, 0.5, { cores: 6 })).toMatchObject({ atOnce: 3, networkThreads: 2 });
  expect(choose(40, 0.5, { cores: 16 })).toMatchObject({ atOnce: 4, networkThreads: 4 });
  expect(choose(40, 0.5, { cores: 1 }).told).toBe("one case at a time, because a network uses all cores");
});

test("who says how many threads a network has gets these, and as many cases as there are cores for", () => {
  expect(choose(40, 0.5, { cores: 8, networkThreads: 4 })).toMatchObject({ atOnce: 2, networkThreads: 4 });
  expect(choose(40, 0.5, { cores: 2, networkThreads: 2 })).toMatchObject({ atOnce: 1 });
});

test("what is soon done is not worth a thread", () => {
  const told = "one case at a time, because there is too little work for several";
  expect(choose(7, 0.5).told).toBe(told);
  expect(neighbouringCases(some(100, 0.5, 0.05), { taken: 0, limit: 8 * GB, weights: 0, cores: 2 }).told).toBe(told);
});

test("neighbours and the weights of their networks are counted; beyond the limit there are fewer, or none", () => {
  expect(choose(40, 1, { cores: 16 }).memory).toBeCloseTo(0.2 * GB + 4 * GB + 4 * 0.1 * GB);
  expect(choose(40, 1, { cores: 16, limit: 3 * GB })).toMatchObject({ atOnce: 2, networkThreads: 8 });
  expect(choose(40, 1, { cores: 16, limit: 3 * GB, weights: 0.2 * GB })).toMatchObject({ atOnce: 1 });
  const { told, memory } = choose(8, 1, { limit: 2 * GB });
  expect(told).toBe("one case at a time, because two may take 2.40 GB of memory, of which 2.00 GB may be used");
  expect(memory).toBeCloseTo(1.2 * GB);
});

test("of unlike cases the two neighbours count that take the most together", () => {
  const outlooks = [1, 3, 1, 2, 2.5].map((own) => ({ memory: own * GB, disk: 0, seconds: 5 }));
  const { memory } = neighbouringCases(outlooks, { taken: 0, limit: 9 * GB, weights: 0, wanted: 2, cores: 2 });
  expect(memory).toBeCloseTo(4.7 * GB);
});

/** Six small images, a network in a file, and what predicts the one by the other. */
async function withImages(
  work: (
    folder: string,
    predict: (output: string, options?: PredictionOptions, events?: NnunetEvent[]) => Promise<string[]>,
  ) => Promise<void>,
): Promise<void> {
  await withScratch(async (folder) => {
    const model = join(folder, "model.onnx");
    const network = pointwise([[0], [9], [0]], [0, -18, -99], 3);
    await writeFile(model, tinyModelBytes(tinyMetadata([8, 16, 16]), network, 3));
    await mkdir(join(folder, "in"));
    for (let k = 0; k < 6; k++) {
      const data = Float32Array.from({ length: 12 * 20 * 18 }, (_, i) => 1 + ((i * (k + 3)) % 5));
      const image = createVolume(data, [1, 12, 20, 18], axisAlignedGeometry([1.5, 1, 1]));
      await writeImage(join(folder, "in", `case_${k}.nii.gz`), image);
    }
    const predictor = await loadPredictor(model, { threads: 1 });
    const predict = (output: string, options: PredictionOptions = {}, events: NnunetEvent[] = []) =>
      createPipeline({}, foldersIn(folder)).predict(predictor, join(folder, "in"), join(folder, output), {
        ...options,
        onEvent: (event) => {
          events.push(event);
          options.onEvent?.(event);
        },
      });
    try {
      await work(folder, predict);
    } finally {
      await predictor.dispose();
    }
  });
}

const filesOf = async (folder: string) => {
  const found: Record<string, string> = {};
  for (const name of (await readdir(folder)).sort()) found[name] = (await readFile(join(folder, name))).toString("hex");
  return found;
};
const texts = (events: readonly NnunetEvent[]) =>
  events.flatMap((event) => (event.type === "message" ? event.text : []));

test("predicted two or three at a time, every file has the bytes that it has one after the other", () =>
  withImages(async (folder, predict) => {
    const one = await predict("one", { casesAtOnce: 1, saveProbabilities: true });
    for (const casesAtOnce of [2, 3]) {
      const events: NnunetEvent[] = [];
      const several = await predict(`out_${casesAtOnce}`, { casesAtOnce, saveProbabilities: true }, events);
      expect(texts(events)).toContain(`${casesAtOnce} cases at a time, each by a network of 1 thread`);
      expect(several.map((path) => path.replace(`out_${casesAtOnce}`, "one"))).toEqual(one);
      const progress = events.flatMap((event) => (event.type === "progress" ? event.done : []));
      expect(progress).toEqual([1, 2, 3, 4, 5, 6]);
      const { "made_from.json": own, ...files } = await filesOf(join(folder, `out_${casesAtOnce}`));
      const { "made_from.json": expected, ...others } = await filesOf(join(folder, "one"));
      expect(files).toEqual(others);
      const parse = (hex: string) => JSON.parse(Buffer.from(hex, "hex").toString());
      expect(parse(own!)).toEqual(parse(expected!)); // in whatever order the cases were done
    }
  }));

test("a case that fails is named; those before it are finished, and nothing is half written", () =>
  withImages(async (folder, predict) => {
    const damaged = join(folder, "in", "case_3.nii.gz");
    await truncate(damaged, (await stat(damaged)).size - 6); // its header can be read
    const failing = predict("out", { casesAtOnce: 2 });
    await expect(failing).rejects.toMatchObject({ code: "STAGE", caseId: "case_3" });
    await expect(failing).rejects.toThrow(/^predict, case case_3: .*case_3\.nii\.gz/);
    const names = await readdir(join(folder, "out"));
    expect(names.filter((name) => !name.endsWith(".json"))).toEqual([
      "case_0.nii.gz",
      "case_1.nii.gz",
      "case_2.nii.gz",
    ]);
  }));

test("an abort ends all neighbours; what is finished is kept, and the rest is made when it goes on", () =>
  withImages(async (folder, predict) => {
    const controller = new AbortController();
    const onEvent = (event: NnunetEvent) => event.type === "progress" && event.done === 2 && controller.abort();
    const aborted = predict("out", {
      casesAtOnce: 2,
      signal: controller.signal,
      onEvent: (event) => void onEvent(event),
    });
    await expect(aborted).rejects.toMatchObject({ code: "CANCELLED" });
    const kept = (await readdir(join(folder, "out"))).filter((name) => !name.endsWith(".json"));
    expect(kept.length).toBeGreaterThanOrEqual(2);
    expect(kept.every((name) => /^case_\d\.nii\.gz$/.test(name))).toBe(true);
    expect(await predict("out", { casesAtOnce: 2, continue: true })).toHaveLength(6 - kept.length);
  }));

test("networks that were replaced since they were loaded predict nothing", () =>
  withImages(async (folder, predict) => {
    const other = pointwise([[0], [5], [0]], [0, -18, -99], 3);
    await writeFile(join(folder, "model.onnx"), tinyModelBytes(tinyMetadata([8, 16, 16]), other, 3));
    await expect(predict("out", { casesAtOnce: 2 })).rejects.toThrow(
      /model\.onnx: was replaced while images were being predicted; predict the others again$/,
    );
    expect((await readdir(join(folder, "out"))).some((name) => name.endsWith(".nii.gz"))).toBe(false);
  }));

test("images that two may not have in memory come one after the other, and it is told why", () =>
  withImages(async (_, predict) => {
    const events: NnunetEvent[] = [];
    const mine = process.memoryUsage.rss() / 1e9;
    await predict("out", { casesAtOnce: 2, maxMemoryGb: mine + 0.16 }, events);
    expect(texts(events).join("\n")).toMatch(/one case at a time, because two may take [\d.]+ GB of memory, of which/);
  }));
