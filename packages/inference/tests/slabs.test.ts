import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import {
  axisAlignedGeometry,
  createRandom,
  createVolume,
  type LoadedCase,
  type ModelMetadata,
  type NnunetEvent,
  type Shape3,
  type Spacing,
} from "@nnunet/core";
import { type Model, predictImage, predictionSize } from "@nnunet/inference";
import { preprocessCase, SegmentationRestorer } from "@nnunet/preprocess";
import fc from "fast-check";
import { commonNetwork } from "../src/common-network.ts";
import { inputInMemory } from "../src/input-planes.ts";
import { rowsOnDisk } from "../src/score-file.ts";
import { rowsInMemory, type ScoreRows } from "../src/score-rows.ts";
import { type PredictCaseOptions, slide, slidingWindow } from "../src/sliding-window.ts";
import { planesAlive, totalRuns } from "../src/window-schedule.ts";
import { knownNetwork } from "./known-network.ts";
import { tinyMetadata } from "./tiny-model.ts";
import { wholeDecision, wholeScores, wholeVolume } from "./whole-volume.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "nnunet-slabs-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Noise in a margin of zeros. */
function noiseImage(shape: Shape3, spacing: Spacing, channels: number, margin: number, seed: number): LoadedCase {
  const random = createRandom(seed, "image");
  const data = new Float32Array(channels * shape[0] * shape[1] * shape[2]);
  for (let c = 0, i = 0; c < channels; c++) {
    for (let z = 0; z < shape[0]; z++) {
      for (let y = 0; y < shape[1]; y++) {
        for (let x = 0; x < shape[2]; x++, i++) {
          const inside = [z, y, x].every((at, axis) => at >= margin && at < shape[axis]! - margin);
          data[i] = inside ? random.normal() : 0;
        }
      }
    }
  }
  return { id: "noise", image: createVolume(data, [channels, ...shape], axisAlignedGeometry(spacing)) };
}

/** What a voxel gets depends on the class, on where it lies in the patch, and on the fold. */
const anyFold = (metadata: ModelMetadata, fold: number): Model =>
  knownNetwork({ ...metadata, folds: [fold] }, (values, output, voxel) =>
    values.reduce((sum, value, c) => sum + value * Math.sin(1 + output * 3 + c + fold * 7 + (voxel % 11)), 0),
  );

const extent = fc.integer({ min: 1, max: 16 });
const side = fc.integer({ min: 2, max: 7 });
const setting = fc.record({
  shape: fc.tuple(extent, extent, extent),
  spacing: fc.constantFrom<Spacing>([1, 1, 1], [2, 0.7, 0.8], [0.6, 0.6, 2], [1.1, 3.5, 1], [3.5, 1, 1]),
  target: fc.constantFrom([1, 1, 1], [1.6, 0.9, 1.1], [0.8, 1.3, 1.3], [3.5, 1, 1]),
  patch: fc.oneof(fc.tuple(side, side, side), fc.tuple(side, side)),
  transpose: fc.constantFrom([0, 1, 2], [2, 0, 1], [1, 0, 2], [2, 1, 0]),
  regions: fc.boolean(),
  logits: fc.boolean(),
  channels: fc.integer({ min: 1, max: 2 }),
  folds: fc.integer({ min: 1, max: 2 }),
  margin: fc.constantFrom(0, 0, 2),
  mirrored: fc.subarray<number>([0, 1, 2], { maxLength: 2 }),
  patchesPerRun: fc.integer({ min: 1, max: 7 }),
  stepFraction: fc.constantFrom(0.5, 0.5, 0.3, 1),
  gaussian: fc.boolean(),
  seed: fc.integer({ min: 0, max: 1e6 }),
});
type Setting = typeof setting extends fc.Arbitrary<infer T> ? T : never;

function setUp(s: Setting): {
  loaded: LoadedCase;
  models: Model[];
  metadata: ModelMetadata;
  options: PredictCaseOptions;
} {
  const labels: Record<string, number | number[]> = s.regions
    ? { background: 0, whole: [1, 2], core: [2] }
    : { background: 0, a: 1, b: 2, c: 3 };
  const metadata = tinyMetadata(s.patch, {
    labels,
    channels: s.channels,
    mirrorAxes: s.mirrored.filter((axis) => axis < s.patch.length),
    configuration: {
      spacing: s.target.slice(3 - s.patch.length),
      averaging: s.logits ? "logits" : "probabilities",
    },
  });
  const turned = {
    ...metadata,
    plans: {
      ...metadata.plans,
      transposeForward: s.transpose,
      transposeBackward: [0, 1, 2].map((axis) => (s.transpose as readonly number[]).indexOf(axis)),
    },
  };
  const { patchesPerRun, stepFraction, gaussian } = s;
  return {
    loaded: noiseImage(s.shape, s.spacing, s.channels, Math.min(...s.shape) > 2 * s.margin ? s.margin : 0, s.seed),
    models: Array.from({ length: s.folds }, (_, fold) => anyFold(turned, fold)),
    metadata: turned,
    options: { patchesPerRun, stepFraction, gaussian },
  };
}

test("plane by plane gives bit by bit what the whole volume gives, in memory and on disk", async () => {
  let fewer = 0;
  await fc.assert(
    fc.asyncProperty(setting, async (s) => {
      const { loaded, models, metadata, options } = setUp(s);
      const network = commonNetwork(models);
      const { configuration, labels } = network;
      const preprocessed = preprocessCase(loaded, metadata.plans, metadata.configuration, metadata.dataset);
      const window = slidingWindow(network, inputInMemory(preprocessed), options);
      fc.pre(totalRuns(window.schedule) < 1000); // for the sake of time
      const { shape, windows, patchSize } = window;
      const { properties } = preprocessed;
      const scores = await wholeScores(models, preprocessed, options);
      const expected = wholeDecision(scores, preprocessed, labels, s.logits ? 0 : 0.5);
      const restorer = () =>
        new SegmentationRestorer(shape, properties, configuration, labels, { kind: configuration.averaging });
      const planes = planesAlive(window.schedule, (end) => restorer().neededAfter(end));
      if (planes < shape[1]) fewer++;
      const starts = windows.map((along) => along.starts);
      const stores: ScoreRows[] = [
        rowsInMemory(shape, planes, "noise"),
        rowsOnDisk(join(folder, "noise"), shape, planes, starts, patchSize),
      ];
      for (const rows of stores) {
        const own = restorer();
        await slide(models, network, window, inputInMemory(preprocessed), rows, {}, (end) => own.decide(rows, end));
        await rows.close();
        expect(own.segmentation.data).toEqual(expected);
      }
      const whole = rowsOnDisk(join(folder, "noise"), shape, shape[1], starts, patchSize);
      await slide(models, network, window, inputInMemory(preprocessed), whole, {});
      const voxels = shape[1] * shape[2] * shape[3];
      for (let c = 0; c < shape[0]; c++) {
        expect(whole.channel(c)).toEqual(scores.subarray(c * voxels, (c + 1) * voxels));
      }
      await whole.close();
    }),
    { seed: 1, numRuns: 200 },
  );
  expect(fewer).toBeGreaterThan(40); // or nothing went through the image plane by plane
  expect(await readdir(folder)).toEqual([]);
}, 600_000); // seconds, but on a machine that others use

test("from image to segmentation, cascades included: what the whole volume gives", async () => {
  await fc.assert(
    fc.asyncProperty(setting, fc.boolean(), async (s, cascade) => {
      const { loaded, models, metadata, options } = setUp(s);
      const { shape, geometry } = loaded.image;
      fc.pre(predictionSize(models, { shape, spacing: geometry.spacing }, options).runs < 1000);
      if (!cascade) {
        const { segmentation } = await predictImage(models, loaded, options);
        expect(segmentation.data).toEqual(await wholeVolume(models, loaded, options));
        return;
      }
      const { tiny } = metadata.plans.configurations;
      const second = {
        ...metadata,
        configuration: "second",
        plans: {
          ...metadata.plans,
          configurations: { tiny: tiny!, second: { ...tiny!, previousConfiguration: "tiny" } },
        },
      };
      const seconds = [anyFold(second, 5)];
      const { segmentation } = await predictImage(seconds, loaded, { ...options, previous: models });
      expect(segmentation.data).toEqual(await wholeVolume(seconds, loaded, options, models));
    }),
    { seed: 2, numRuns: 80 },
  );
}, 600_000); // seconds, but on a machine that others use

test("scores lie on disk where memory has no room for them: the same segmentation, and nothing is left behind", async () => {
  const labels = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [i === 0 ? "background" : `c${i}`, i]));
  const metadata = tinyMetadata([28, 8, 8], { labels });
  const models = [anyFold(metadata, 0)];
  const loaded = noiseImage([40, 24, 12], [1, 1, 1], 1, 0, 3);
  const image = { shape: loaded.image.shape, spacing: loaded.image.geometry.spacing };
  const how = { mirroring: false, scratch: join(folder, "case") };
  const ways = (asked: boolean) => {
    const all = predictionSize(models, image, { ...how, probabilities: asked });
    expect(all.plan).toMatchObject({ imageInMemory: true, scoresInMemory: true, disk: 0 });
    const found = [all];
    // One byte less than a way takes leads to the next one.
    for (;;) {
      const maxMemoryGb = (found.at(-1)!.memory - 1) / 1e9;
      const next = predictionSize(models, image, { ...how, probabilities: asked, maxMemoryGb });
      if (next.memory / 1e9 > maxMemoryGb) return found;
      found.push(next);
    }
  };
  expect(ways(false).map(({ plan: { imageInMemory, scoresInMemory } }) => [imageInMemory, scoresInMemory])).toEqual([
    [true, true],
    [false, true],
    [true, false],
    [false, false],
  ]);
  for (const probabilities of [false, true]) {
    const expected = await predictImage(models, loaded, { ...how, probabilities });
    for (const { memory, plan } of ways(probabilities)) {
      const messages: string[] = [];
      const onEvent = (event: NnunetEvent) => messages.push(event.type === "message" ? event.text : "");
      const bound = { maxMemoryGb: (memory + 0.5) / 1e9 }; // in GB and back a byte may be lost
      const got = await predictImage(models, loaded, { ...how, ...bound, probabilities, onEvent });
      expect(messages[0]!.includes("on disk")).toBe(plan.disk > 0);
      expect(got).toEqual(expected);
      expect(await readdir(folder)).toEqual([]);
    }
  }
  const least = ways(false).at(-1)!.memory;
  const tooTight = predictImage(models, loaded, { ...how, maxMemoryGb: (least - 1) / 1e9 });
  await expect(tooTight).rejects.toMatchObject({ code: "LIMIT" });
  const notYet = { ...how, maxMemoryGb: least / 1e9, scratch: join(folder, "not", "yet", "case") };
  expect((await predictImage(models, loaded, notYet)).segmentation.shape).toEqual(loaded.image.shape);
  await writeFile(join(folder, "file"), "");
  const wrong = { ...notYet, scratch: join(folder, "file", "case") };
  await expect(predictImage(models, loaded, wrong)).rejects.toMatchObject({ code: "FILE" });
}, 600_000);

test("a spacing that promises a billion planes is counted and refused, without a list of them", async () => {
  const models = [anyFold(tinyMetadata([4, 4, 4]), 0)];
  const image = createVolume(new Float32Array(2000 * 4 * 4).fill(1), [1, 2000, 4, 4], axisAlignedGeometry([1e6, 1, 1]));
  const size = predictionSize(models, { shape: image.shape, spacing: image.geometry.spacing });
  expect(size.resampled).toEqual([2e9, 4, 4]);
  expect(size.patches).toBe(1e9 - 1);
  expect(size.memory).toBeGreaterThan(4 * 2e9 * 16);
  await expect(predictImage(models, { id: "far", image })).rejects.toMatchObject({ code: "LIMIT" });
});
