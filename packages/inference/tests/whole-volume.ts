import { type LabelSet, labelSet, type LoadedCase, type PreprocessedCase, type Shape3 } from "@nnunet/core";
import type { Model } from "@nnunet/inference";
import { withPreviousChannels } from "@nnunet/inference";
import { resampleImage, transposeVolume } from "@nnunet/kernels";
import { anisotropicAxis, preprocessCase, segmentationOnGrid } from "@nnunet/preprocess";
import { addPrediction } from "../src/add-prediction.ts";
import { layPatches, windowsOf } from "../src/axis-windows.ts";
import { commonNetwork } from "../src/common-network.ts";
import { copyPatch, mirrorings } from "../src/mirrored-patch.ts";
import type { PredictCaseOptions } from "../src/sliding-window.ts";

/*
 * Prediction as it was before it went through the image plane by plane: the scores of the whole image in one array,
 * every channel resampled as a whole, one after the other. What streams must give the same, bit by bit.
 */

export async function wholeScores(
  models: readonly Model[],
  { data, shape: [channels, ...size] }: PreprocessedCase,
  { stepFraction = 0.5, mirroring = true, gaussian = true, patchesPerRun = 1 }: PredictCaseOptions,
): Promise<Float32Array> {
  const { patchSize, mirrorAxes, labels, activation, configuration } = commonNetwork(models);
  const patches = layPatches(windowsOf(size, patchSize, stepFraction, gaussian));
  const copies = mirrorings(mirroring ? mirrorAxes : []);
  const runs = patches.flatMap((patch) => copies.map((copy) => ({ ...patch, copy })));
  const shape = [labels.outputChannels, ...size] as const;
  const scores = new Float32Array(shape[0] * size[0] * size[1] * size[2]);
  const patchLength = patchSize[0] * patchSize[1] * patchSize[2];
  for (let first = 0; first < runs.length; first += patchesPerRun) {
    const together = runs.slice(first, first + patchesPerRun);
    const batch = new Float32Array(together.length * channels * patchLength);
    together.forEach(({ start, copy }, i) => {
      copyPatch(data, [channels, ...size], start, patchSize, copy, batch, i * channels * patchLength);
    });
    for (const model of models) {
      const logits = await model.run(batch, [together.length, channels, ...configuration.patchSize]);
      together.forEach(({ start, shares: [z, y, x], copy: mirroring }, i) => {
        const shares = [z.map((weight) => weight * (1 / (models.length * copies.length))), y, x] as const;
        const placement = { start, patchSize, mirroring, shares };
        addPrediction(scores, shape, logits.data, i * shape[0] * patchLength, activation, placement);
      });
    }
  }
  return scores;
}

/** [z, y, x] in the axes of the image, and the channels resampled to its cropped grid. */
export function wholeDecision(
  scores: Float32Array,
  { properties: p, shape: [, ...size] }: PreprocessedCase,
  { regions, regionsClassOrder, outputChannels }: LabelSet,
  threshold: number,
): Int16Array {
  const voxels = size[0] * size[1] * size[2];
  const axis = anisotropicAxis(p.spacingAfterResampling, p.spacingAfterTranspose, null);
  const separateAxis = axis === undefined ? undefined : { axis, order: 0 as const };
  const channels = Array.from({ length: outputChannels }, (_, c) =>
    resampleImage(scores.slice(c * voxels, (c + 1) * voxels), size, p.shapeAfterCropping, { order: 1, separateAxis }),
  );
  const [depth, height, width] = p.shapeBeforeCropping;
  const full = new Int16Array(depth * height * width);
  const [, h, w] = p.shapeAfterCropping;
  for (let i = 0; i < channels[0]!.length; i++) {
    let label = 0;
    if (regions) {
      channels.forEach((values, c) => {
        if (values[i]! > threshold) label = regionsClassOrder![c]!;
      });
    } else {
      for (let c = 1; c < channels.length; c++) if (channels[c]![i]! > channels[label]![i]!) label = c;
    }
    const [z, y, x] = [Math.floor(i / (h * w)), Math.floor(i / w) % h, i % w];
    full[((z + p.cropBox[0]![0]) * height + y + p.cropBox[1]![0]) * width + x + p.cropBox[2]![0]] = label;
  }
  const back = [0, 1, 2].map((a) => p.transposeForward.indexOf(a));
  return transposeVolume(full, [1, depth, height, width], back).data;
}

/** Label ids, [z, y, x] of the image. */
export async function wholeVolume(
  models: readonly Model[],
  loaded: LoadedCase,
  options: PredictCaseOptions,
  previous?: readonly Model[],
): Promise<Int16Array> {
  const { metadata, configuration, labels } = commonNetwork(models);
  const own = preprocessCase(loaded, metadata.plans, metadata.configuration, metadata.dataset);
  let preprocessed = own;
  if (previous) {
    const data = await wholeVolume(previous, loaded, options);
    const shape = [1, ...(loaded.image.shape.slice(1) as unknown as Shape3)] as const;
    const first = segmentationOnGrid({ data, shape, geometry: loaded.image.geometry }, own.properties, configuration);
    preprocessed = withPreviousChannels(own, first, labels.foreground);
  }
  const scores = await wholeScores(models, preprocessed, options);
  return wholeDecision(
    scores,
    preprocessed,
    labelSet(metadata.dataset),
    configuration.averaging === "logits" ? 0 : 0.5,
  );
}
