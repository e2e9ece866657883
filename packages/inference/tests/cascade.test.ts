import { expect, test } from "@jest/globals";
import { axisAlignedGeometry, createVolume, labelSet, type ModelMetadata, type Shape3 } from "@nnunet/core";
import { checkPrevious, loadModel, predictImage, predictionSize, withPreviousChannels } from "@nnunet/inference";
import { segmentationOnGrid } from "@nnunet/preprocess";
import { pointwise, preprocessedCase, tinyMetadata, tinyModelBytes } from "./tiny-model.ts";

/*
 * Two networks that can be followed by hand: the first finds label 1 by a threshold, label 2 by a higher one; the second
 * sees nothing but the channels that the first gave it, and swaps the labels.
 */
const [patch, spacing] = [
  [8, 8, 8],
  [1, 1, 1],
] as const;
const base = tinyMetadata(patch);
const { tiny } = base.plans.configurations;
const both = {
  ...base.plans,
  transposeForward: [1, 0, 2],
  transposeBackward: [1, 0, 2],
  configurations: {
    low: { ...tiny!, spacing: [2, 2, 2] },
    cascade: { ...tiny!, spacing, previousConfiguration: "low" },
  },
};
const lowMetadata: ModelMetadata = { ...base, plans: both, configuration: "low" };
const thresholds = pointwise([[0], [9], [18]], [0, -18, -54], 3); // 1 from 2 on, 2 from 4 on
const swap = pointwise(
  [
    [0, -9, -9],
    [0, -9, 9],
    [0, 9, -9],
  ],
  [5, 0, 0],
  3,
);

const [low, other] = await Promise.all(
  [thresholds, pointwise([[0], [9], [18]], [0, -18, -60], 3)].map((network) =>
    loadModel(tinyModelBytes(lowMetadata, network, 3), { threads: 1 }),
  ),
);
const trainedWith = { configuration: "low", weights_sha256: [low!.metadata.weightsSha256] };
const cascadeBytes = (carried: Readonly<Record<string, string>>) =>
  tinyModelBytes({ ...base, plans: both, configuration: "cascade" }, swap, 3, carried);
const cascade = await loadModel(cascadeBytes({ "nnunet.previous_stage": JSON.stringify(trainedWith) }), { threads: 1 });

const shape: Shape3 = [12, 17, 14];
const image = createVolume(
  Float32Array.from(
    { length: 12 * 17 * 14 },
    (_, i) => 1 + 5 * Math.exp(-Math.hypot((i % 14) - 6, (Math.floor(i / 14) % 17) - 9) / 6),
  ),
  [1, ...shape],
  axisAlignedGeometry([1.5, 0.8, 1]),
);

test("the second network sees the segmentation of the first, on its own grid, as one channel per label", async () => {
  const { segmentation: first } = await predictImage([low!], { id: "a", image });
  const { segmentation } = await predictImage([cascade], { id: "a", image }, { previous: [low!] });
  expect(new Set(first.data)).toEqual(new Set([0, 1, 2]));
  let differing = 0;
  for (const [i, label] of first.data.entries()) if (segmentation.data[i] !== [0, 2, 1][label]) differing++;
  // to the grid of the second and back: only voxels at a surface
  expect(differing / first.data.length).toBeLessThan(0.1);
  expect(segmentation.geometry).toEqual(image.geometry);
});

test("a segmentation follows transposition and crop to another grid", () => {
  // [z, y, x] = [2, 3, 2] → y first, cropped to y 1…2; both spacings halved along y
  const segmentation = createVolume(
    Int16Array.of(0, 0, 1, 2, 3, 4, 0, 0, 5, 6, 7, 8),
    [1, 2, 3, 2],
    axisAlignedGeometry([1, 2, 1]),
  );
  const properties = {
    ...preprocessedCase(new Float32Array(8), 1, [2, 2, 2]).properties,
    originalShape: [2, 3, 2] as const,
    transposeForward: [1, 0, 2],
    cropBox: [
      [1, 3],
      [0, 2],
      [0, 2],
    ] as const,
    shapeAfterCropping: [2, 2, 2] as const,
    spacingAfterTranspose: [2, 1, 1] as const,
  };
  expect(segmentationOnGrid(segmentation, properties, { ...tiny!, spacing: [2, 1, 1] })).toEqual({
    seg: Int16Array.of(1, 2, 5, 6, 3, 4, 7, 8),
    shape: [2, 2, 2],
  });
  const finer = segmentationOnGrid(segmentation, properties, { ...tiny!, spacing: [1, 1, 1] });
  expect(finer.shape).toEqual([4, 2, 2]);
  expect([...finer.seg.subarray(0, 4), ...finer.seg.subarray(12)]).toEqual([1, 2, 5, 6, 3, 4, 7, 8]);
  expect(() => segmentationOnGrid({ ...segmentation, shape: [1, 3, 2, 2] }, properties, tiny!)).toThrow(
    "previous segmentation of case case_1: expected shape [1,2,3,2], got [1,3,2,2]",
  );
});

test("the channels are 0 and 1, in the order of the labels; background and ignored voxels are in none", () => {
  const labels = labelSet({ labels: { background: 0, b: 2, a: 1, ignore: 3 } });
  const preprocessed = preprocessedCase(Float32Array.of(7, 8, 9, 10), 1, [1, 2, 2]);
  const seg = Int16Array.of(0, 1, 2, 3);
  const { data, shape: size } = withPreviousChannels(preprocessed, { seg, shape: [1, 2, 2] }, labels.foreground);
  expect(size).toEqual([3, 1, 2, 2]);
  expect([...data]).toEqual([7, 8, 9, 10, 0, 1, 0, 0, 0, 0, 1, 0]);
  expect(() => withPreviousChannels(preprocessed, { seg, shape: [2, 2, 1] }, [1])).toThrow(
    "previous segmentation of case case_1: expected shape [1,2,2], got [2,2,1]",
  );
});

test("refuses a first network that is missing, superfluous, or another than the one trained with", async () => {
  const predict = (models: (typeof low)[], previous?: (typeof low)[]) =>
    predictImage(models as never, { id: "a", image }, { ...(previous && { previous: previous as never }) });
  await expect(predict([cascade])).rejects.toThrow(
    "previous: expected the models of low, whose segmentations cascade takes as input, got undefined",
  );
  await expect(predict([low], [low])).rejects.toThrow(
    /^previous: expected none, because low is not the second network of a cascade, got \["low, fold 0 \(weights [0-9a-f]{8}\)"\]$/,
  );
  await expect(predict([cascade], [cascade])).rejects.toThrow(
    "previous: expected models of low with the channels and labels of cascade, got",
  );
  const sha = (model: typeof low) => model!.metadata.weightsSha256.slice(0, 8);
  await expect(predict([cascade], [low, other])).rejects.toThrow(
    `previous: expected the low that cascade, fold 0 (weights ${sha(cascade)}) was trained with (it was trained again since, or is another's); train cascade again, or give that low, got "low, fold 0 (weights ${sha(other)})"`,
  );
  const silent = await loadModel(cascadeBytes({}), { threads: 1 });
  expect(checkPrevious([silent], [other!])).toEqual([other]);
});

test("one of the folds trained with is enough, and a file of several folds counts as its folds", () => {
  const folds = (...hashes: string[]) => ({
    metadata: { ...lowMetadata, weightsSha256: "f".repeat(64), foldWeightsSha256: hashes },
  });
  const [a, b, c] = ["a", "b", "c"].map((digit) => digit.repeat(64)) as [string, string, string];
  const second = { metadata: { ...cascade.metadata, previousStage: { configuration: "low", weightsSha256: [a, b] } } };
  expect(checkPrevious([second], [folds(a, b)])).toHaveLength(1);
  expect(checkPrevious([second], [folds(b)])).toHaveLength(1);
  expect(() => checkPrevious([second], [folds(a, c)])).toThrow("was trained with (it was trained again since");
});

test("what a device's libraries take of the machine's memory is in the bound, once for all folds", () => {
  const size = { shape: [1, 16, 16, 16] as const, spacing: [1, 1, 1] as const };
  const onDevice = { ...low!, deviceRuntime: 1e9 };
  expect(predictionSize([onDevice, onDevice], size).memory).toBe(predictionSize([low!, low!], size).memory + 1e9);
});

test("the work of both networks is told beforehand", () => {
  const size = { shape: [1, 16, 16, 16] as const, spacing: [1, 1, 1] as const };
  const [first, second] = [predictionSize([low!], size), predictionSize([cascade], size)];
  const together = predictionSize([cascade], size, { previous: [low!] });
  expect(together.patches).toBe(first.patches + second.patches);
  expect(together.runs).toBe(first.runs + second.runs);
  expect(together.memory).toBe(Math.max(first.memory, second.memory));
});

test("damaged notes of a cascade are refused, not passed over", async () => {
  const load = (note: unknown) => loadModel(cascadeBytes({ "nnunet.previous_stage": JSON.stringify(note) }));
  await expect(load({ configuration: "low", weights_sha256: [] })).rejects.toThrow(
    "nnunet.previous_stage.weights_sha256: expected at least one SHA-256",
  );
  await expect(load({ configuration: "low", weights_sha256: ["12"] })).rejects.toThrow(
    "expected a SHA-256: 64 hexadecimal digits",
  );
  await expect(load("low")).rejects.toThrow(
    "nnunet.previous_stage: expected an object of configuration and weights_sha256",
  );
});
