import { expect, test } from "@jest/globals";
import { axisAlignedGeometry, createRandom, createVolume, type NnunetEvent } from "@nnunet/core";
import { loadModel, type Model, predictImage } from "@nnunet/inference";
import { addPrediction, type Placement } from "../src/add-prediction.ts";
import { addBackground } from "../src/empty-patches.ts";
import { letGo } from "../src/let-go.ts";
import { pointwise, tinyMetadata, tinyModelBytes } from "./tiny-model.ts";

const intensities = { mean: 50, median: 40, std: 100, min: -900, max: 1000, percentile005: -150, percentile995: 350 };
const shape = [1, 12, 40, 40] as const;
/** Air with a scanner's noise, and a body in one corner. */
const random = createRandom(1, "body mask");
const ct = Int16Array.from({ length: 12 * 40 * 40 }, (_, i) => {
  const [y, x] = [Math.floor(i / 40) % 40, i % 40];
  return y < 14 && x < 14 ? 60 + (i % 7) : -1000 + Math.round(20 * random.normal());
});
const loaded = { id: "c", image: createVolume(ct, shape, axisAlignedGeometry([1, 1, 1])) };

/** Sees foreground from the mean on; counts its runs. */
async function counting(change: Parameters<typeof tinyMetadata>[1] = {}, scheme = "CT", trained = intensities) {
  const plain = tinyMetadata([12, 8, 8], change);
  const name = plain.configuration;
  const configuration = { ...plain.plans.configurations[name]!, normalizationSchemes: [scheme] };
  const plans = {
    ...plain.plans,
    foregroundIntensityPerChannel: [trained],
    configurations: { [name]: configuration },
  };
  const network = pointwise([[0], [9], [0]], [0, 0, -99], 3);
  const model = await loadModel(tinyModelBytes({ ...plain, plans } as typeof plain, network, 3), { threads: 1 });
  let runs = 0;
  const counted: Model = {
    ...model,
    run: (batch, size) => {
      runs += size[0]!;
      return model.run(batch, size);
    },
  };
  return { model: counted, runs: () => runs };
}

test("patches of a CT that show air alone are background without a run; the rest is as it was", async () => {
  for (const mirroring of [false, true]) {
    const [whole, masked] = [await counting(), await counting()];
    const texts: string[] = [];
    const onEvent = (event: NnunetEvent) => event.type === "message" && texts.push(event.text);
    const expected = await predictImage([whole.model], loaded, { mirroring });
    const got = await predictImage([masked.model], loaded, {
      mirroring,
      bodyMask: true,
      onEvent: (e) => void onEvent(e),
    });
    expect(new Set(expected.segmentation.data)).toEqual(new Set([0, 1]));
    expect(got).toEqual(expected);
    expect(masked.runs()).toBeLessThan(whole.runs() / 3);
    expect(masked.runs()).toBeGreaterThan(0);
    expect(texts.at(-1)).toMatch(/^case c: body mask: \d+ of 81 patches showed air alone$/);
  }
});

test("an image of air alone is background, and no network runs", async () => {
  const air = {
    id: "a",
    image: createVolume(
      ct.map((v) => Math.min(v, -900)),
      shape,
      axisAlignedGeometry([1, 1, 1]),
    ),
  };
  const { model, runs } = await counting();
  const { segmentation } = await predictImage([model], air, { mirroring: false, bodyMask: true });
  expect(segmentation.data.every((label) => label === 0)).toBe(true);
  expect(runs()).toBe(0);
});

test("images that are no CT are predicted as a whole, and it is told", async () => {
  const { model, runs } = await counting({}, "ZScore");
  const texts: string[] = [];
  const onEvent = (event: NnunetEvent) => void (event.type === "message" && texts.push(event.text));
  await predictImage([model], loaded, { mirroring: false, bodyMask: true, onEvent });
  expect(runs()).toBe(81);
  expect(texts.at(-1)).toBe(
    "case c: body mask: no patch was left out, because the images are no CT, or what is segmented is as thin as air",
  );
});

test("what is as thin as air itself, as lungs are, is never taken for air", async () => {
  const lungs = { ...intensities, mean: -820, median: -850, percentile005: -1000, percentile995: 100 };
  const { model, runs } = await counting({}, "CT", lungs);
  const texts: string[] = [];
  const onEvent = (event: NnunetEvent) => void (event.type === "message" && texts.push(event.text));
  await predictImage([model], loaded, { mirroring: false, bodyMask: true, onEvent });
  expect(runs()).toBe(81);
  expect(texts.at(-1)).toMatch(/or what is segmented is as thin as air$/);
});

test("voxels that are no numbers are not taken for air", async () => {
  const { model } = await counting();
  const preprocessed = {
    id: "n",
    image: createVolume(new Float32Array(12 * 8 * 8).fill(Number.NaN), [1, 12, 8, 8], axisAlignedGeometry([1, 1, 1])),
  };
  const broken = predictImage([model], preprocessed, { mirroring: false, bodyMask: true });
  await expect(broken).rejects.toThrow(/NaN/);
});

test("a prediction of air alone can be cancelled too", async () => {
  const { model } = await counting();
  const air = { id: "a", image: { ...loaded.image, data: new Int16Array(ct.length).fill(-1000) } };
  const signal = AbortSignal.abort();
  await expect(predictImage([model], air, { bodyMask: true, signal })).rejects.toThrow(/cancelled/);
});

test("what is said of air takes no memory beside an answer of the network, nor in its place", async () => {
  const labels = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [i === 0 ? "background" : `c${i}`, i]));
  const plain = tinyMetadata([16, 64, 64], { labels, mirrorAxes: [] });
  const configuration = { ...plain.plans.configurations.tiny!, normalizationSchemes: ["CT"] };
  const plans = {
    ...plain.plans,
    foregroundIntensityPerChannel: [intensities],
    configurations: { tiny: configuration },
  };
  const answer = 4 * 40 * 16 * 64 * 64; // 10 MB
  const held = () => process.memoryUsage().arrayBuffers;
  let runs = 0;
  let [before, most] = [0, 0];
  const look = () => {
    most = Math.max(most, held() - before);
  };
  const model: Model = {
    metadata: { ...plain, plans } as typeof plain,
    async run(_, [samples]) {
      look(); // what is there beside the answer
      runs++;
      return { data: new Float32Array(answer / 4), shape: [samples!, 40, 16, 64, 64] };
    },
    letGo,
    dispose: async () => {},
  };
  const grown = async (body: boolean) => {
    const voxels = new Int16Array(16 * 64 * 128).fill(-1000);
    if (body) voxels.fill(60, 15 * 64 * 128); // in the last plane: patches of 1/16 body
    for (let i = 0; body && i < voxels.length; i++) if (i % 128 < 64) voxels[i] = -1000; // of the last patch alone
    const image = createVolume(voxels, [1, 16, 64, 128], axisAlignedGeometry([1, 1, 1]));
    [before, most] = [0, 0];
    const onEvent = (event: NnunetEvent) => {
      if (event.type === "message")
        before ||= held(); // scores and planes of the image are there
      else if (runs === 0) look(); // an answer is freed a moment later
    };
    await predictImage([model], { id: "air", image }, { stepFraction: 1, bodyMask: true, onEvent });
    return most;
  };
  expect(await grown(false)).toBeLessThan(0.5 * answer);
  expect(runs).toBe(0);
  expect(await grown(true)).toBeLessThan(0.5 * answer);
  expect(runs).toBe(1);
});

test("what is said of air is the same in parts of any size, of classes and of regions", () => {
  const placement = {
    start: [2, 3, 1] as const,
    patchSize: [7, 4, 3] as const,
    mirroring: [false, true, false] as const,
    shares: [7, 4, 3].map((n) =>
      Float64Array.from({ length: n }, (_, i) => 1 / (i + 2)),
    ) as unknown as Placement["shares"],
  };
  const shape = [3, 8, 9, 5] as const; // one plane of the patch lies outside
  for (const [axis, inPlane] of [
    [0, 12],
    [1, 21],
  ] as const) {
    const all = placement.patchSize[axis];
    for (const regions of [false, true]) {
      const scores = Array.from({ length: all }, (_, i) => {
        const planes = i + 1;
        const logits = new Float32Array(3 * planes * inPlane).fill(regions ? -10 : 0);
        if (!regions) logits.fill(10, 0, planes * inPlane);
        const into = new Float32Array(3 * 8 * 9 * 5);
        addBackground({ logits, planes, step: inPlane }, placement, axis, (values, offset, place) =>
          addPrediction(into, shape, values, offset, regions ? "sigmoid" : "softmax", place),
        );
        return into;
      });
      expect(scores[0]!.some((score) => score !== 0)).toBe(true);
      for (const other of scores) expect(other).toEqual(scores[0]);
    }
  }
});
