import { gigabytes, type Preprocessor, spatialShape, type StoredImageCase, type Volume } from "@nnunet/core";
import { numbersInMemory } from "@nnunet/kernels";
import {
  type NumberRoom,
  preprocessImage,
  probabilityChannels,
  restoreProbabilities,
  SegmentationRestorer,
  segmentationOnGrid,
} from "@nnunet/preprocess";
import { commonNetwork } from "./common-network.ts";
import type { Model } from "./load-model.ts";
import { inputPlanes } from "./input-planes.ts";
import type { MemoryPlan } from "./memory-plan.ts";
import { preprocessByOwn, refuseOtherPreprocessor } from "./own-preprocessor.ts";
import { checkPrevious } from "./previous-stage.ts";
import { type PredictionLimits, predictionSize, refuseLargePrediction } from "./prediction-size.ts";
import { inNode } from "./in-node.ts";
import { canLetGo, letGo } from "./let-go.ts";
import { rowsInMemory, type ScoreRows } from "./score-rows.ts";
import { type Turn, turnToRas } from "./turn-to-ras.ts";
import { describeWork, type PredictCaseOptions, type SlidingWindow, slide, slidingWindow } from "./sliding-window.ts";
import { inputPlanesAlive, planesAlive } from "./window-schedule.ts";

export interface PredictImageOptions extends PredictCaseOptions, PredictionLimits {
  /** Also return the probabilities on the original grid: channels × voxels × 4 bytes. False by default. */
  readonly probabilities?: boolean;
  /** Is given the same channel by channel, so that they never lie in memory as a whole; see `Predictor` of `@nnunet/core`. */
  readonly onProbabilities?: (channel: Float32Array) => Promise<void>;
  /**
   * A path beside which may lie what memory has no room for; in the system's folder for temporary files by default. It
   * needs the bytes that the plan of `predictionSize` calls `disk`.
   */
  readonly scratch?: string;
  /** The image is nobody's afterwards: its voxels are let go as soon as they are preprocessed, and their array is empty then. */
  readonly releaseImage?: boolean;
  /** Where the models are the second network of a cascade: the folds of the first, which segments the image for them. */
  readonly previous?: readonly Model[];
  /** The stage that preprocessed the cases that the models were trained on, where it was not the default one. */
  readonly preprocessor?: Preprocessor;
}

/**
 * From an image to its segmentation with nothing but model files: preprocessing as the model's plans say, prediction,
 * and back to the original grid. The second network of a cascade needs the models of the first (`previous`), which
 * segments the image before it.
 *
 * The scores are made, brought to the original grid and decided upon plane by plane: those planes exist that patches
 * still write to, and up to eight that interpolation needs; all of them if probabilities are asked for. Scores and
 * preprocessed image lie in memory if it has room (`maxMemoryGb`, or half of what is free), else in files. The result is
 * the same bit by bit.
 *
 * An image for a model that Python nnU-Net trained on images turned to RAS is turned, and the result is turned back.
 *
 * @param models - the folds of one configuration
 * @param loaded - the image, [channel, z, y, x]; its label, if any, is not looked at
 * @returns the segmentation, [1, z, y, x] label ids in the geometry of the image, and on request the probabilities,
 *   [class or region, z, y, x]
 * @throws {LimitError} if the case is more than `maxMemoryGb`, `maxPatches` or the disk allow, before anything is done
 * @throws {InvalidArgumentError} if `previous` is missing, or is another first network than the one trained with; if the
 *   models were trained on cases of another preprocessor than this one
 * @throws what {@link predictCase} throws, and what preprocessing throws of an image that does not fit the plans
 * @example
 * const { segmentation } = await predictImage([await loadModel("model.onnx")], { id: "case_1", image });
 */
export async function predictImage(
  models: readonly Model[],
  loaded: StoredImageCase,
  options: PredictImageOptions = {},
): Promise<{ segmentation: Volume<Int16Array>; probabilities?: Volume<Float32Array> }> {
  const network = commonNetwork(models);
  const { metadata, configuration, labels } = network;
  const { id, image } = loaded;
  refuseOtherPreprocessor(models, options.preprocessor);
  const turn = turnToRas(metadata, image.geometry, spatialShape(image));
  if (turn) return predictTurned(turn, models, loaded, options);
  const releaseImage = options.releaseImage === true && canLetGo(image.data);
  const free = inNode ? (await import("@nnunet/core/node")).freeMemory() : undefined;
  const size = predictionSize(
    models,
    { shape: image.shape, spacing: image.geometry.spacing },
    { ...options, releaseImage, bytesPerVoxel: image.data.BYTES_PER_ELEMENT, free },
  );
  refuseLargePrediction(id, size, options);
  const { plan } = size;
  const { previous: given, probabilities: asked, onProbabilities, scratch, releaseImage: _, ...rest } = options;
  if (plan.disk > 0) (await import("./scratch.ts")).refuseFullDisk(id, plan.disk, scratch);
  const previous = checkPrevious(models, given);
  const first =
    previous && (await predictImage(previous, loaded, { ...rest, ...(scratch && { scratch }) })).segmentation;
  const room = plan.imageInMemory ? roomInMemory : (await import("./scratch.ts")).roomOnDisk(scratch);
  const preprocessed = options.preprocessor
    ? preprocessByOwn(options.preprocessor, { id, image }, metadata, room)
    : preprocessImage({ id, image }, metadata.plans, metadata.configuration, room);
  if (releaseImage) letGo(image.data);
  const { properties, numbers } = preprocessed;
  let rows: ScoreRows | undefined;
  try {
    const before = first && { ...segmentationOnGrid(first, properties, configuration), labels: labels.foreground };
    const channels = preprocessed.shape[0] + (before ? before.labels.length : 0);
    const [, ...grid] = preprocessed.shape;
    const window = slidingWindow(network, { id, shape: [channels, ...grid] }, rest);
    const { shape, schedule } = window;
    const input = inputPlanes(id, numbers, preprocessed.shape, inputPlanesAlive(schedule), before);
    const how = { kind: configuration.averaging };
    const restorer = new SegmentationRestorer(shape, properties, configuration, labels, how);
    const whole = asked || onProbabilities !== undefined;
    const planes = planesAlive(schedule, (end) => (whole ? 0 : restorer.neededAfter(end)));
    rows = await openRows(window, planes, plan.scoresInMemory, id, scratch);
    const text = `case ${id}: ${describeWork(window)}, ${describePlan(plan)}`;
    rest.onEvent?.({ type: "message", stage: "predict", level: "info", text });
    const written = rows;
    await slide(models, network, window, input, written, rest, (end) => restorer.decide(written, end));
    const { segmentation } = restorer;
    if (onProbabilities) {
      const channels = probabilityChannels(rows, shape, properties, configuration, labels, how);
      for (const channel of channels) await onProbabilities(channel);
    }
    if (!asked) return { segmentation };
    return { segmentation, probabilities: restoreProbabilities(rows, shape, properties, configuration, labels, how) };
  } finally {
    await rows?.close();
    numbers.close();
  }
}

async function predictTurned(
  turn: Turn,
  models: readonly Model[],
  { id, image }: StoredImageCase,
  { onProbabilities, ...options }: PredictImageOptions,
): ReturnType<typeof predictImage> {
  const turned = turn.forth(image);
  if (options.releaseImage) letGo(image.data);
  const back = (data: Float32Array) =>
    turn.back({ data, shape: [1, ...spatialShape(turned)], geometry: turned.geometry }).data;
  const result = await predictImage(
    models,
    { id, image: turned },
    {
      ...options,
      releaseImage: true,
      ...(onProbabilities && { onProbabilities: (channel) => onProbabilities(back(channel)) }),
    },
  );
  const { segmentation, probabilities } = result;
  return {
    segmentation: turn.back(segmentation),
    ...(probabilities && { probabilities: turn.back(probabilities) }),
  };
}

/** "about 0.29 GB of memory, 1.20 GB on disk" */
function describePlan({ memory, disk }: MemoryPlan): string {
  return `about ${gigabytes(memory)} of memory${disk > 0 ? `, ${gigabytes(disk)} on disk` : ""}`;
}

const roomInMemory: NumberRoom = { open: (length) => ({ ...numbersInMemory(length), close: () => {} }) };

async function openRows(
  { shape, patchSize, windows }: SlidingWindow,
  planes: number,
  inMemory: boolean,
  caseId: string,
  scratch: string | undefined,
): Promise<ScoreRows> {
  if (inMemory) return rowsInMemory(shape, planes, caseId);
  const { rowsOnDisk } = await import("./score-file.ts");
  return rowsOnDisk(
    scratch,
    shape,
    planes,
    windows.map(({ starts }) => starts),
    patchSize,
  );
}
