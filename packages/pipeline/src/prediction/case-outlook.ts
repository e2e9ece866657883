import {
  type CaseFiles,
  type Configuration,
  type EventListener,
  elementCount,
  gigabytes,
  inputChannels,
  labelSet,
  type ModelMetadata,
  type Plans,
  type Shape3,
  type Spacing,
  StageError,
  shownShape,
  type Volume,
  type VolumeShape,
} from "@nnunet/core";
import { freeMemory, usableCores } from "@nnunet/core/node";
import { type PredictionLimits, type PredictionSize, predictionSize, refuseLargePrediction } from "@nnunet/inference";
import { type DicomChoice, readImageInfo } from "@nnunet/io";
import type { ProbabilityForm } from "./case-outputs.ts";
import type { LoadedPredictor } from "./load-predictor.ts";

/** Further than this from what was trained, a network is out of its depth. */
const FAR = 3;
/** Seconds from which on a user wants to know beforehand. */
const LONG = 1800;
/** Multiply-adds per second and core: onnxruntime on a server core of 2023 does about 20·10⁹. */
const CORE_SPEED = 15e9;
/** Types of voxels that stay as they are stored; the others become float32. */
const BYTES_AS_STORED: Readonly<Record<string, number>> = { int8: 1, uint8: 1, int16: 2, uint16: 2 };
/** Seconds that a run of even the smallest network takes. */
const RUN_SECONDS = 0.02;

/**
 * Looks at the headers of all cases before the first is begun: what is beyond memory or patches is refused with its
 * numbers, what is merely far from the training images is warned of, with the time that it will take.
 *
 * @returns what each of them will take by itself
 * @throws {StageError} naming the case; its cause is a LimitError, or what is wrong with the header
 */
export async function lookAhead(
  predictor: Pick<LoadedPredictor, "members" | "metadata">,
  cases: readonly CaseFiles[],
  options: LookOptions,
): Promise<Outlook[]> {
  const free = freeMemory();
  const expected: Outlook[] = [];
  for (const { id, images } of cases) {
    try {
      expected.push(lookAtImage(predictor, id, await imageInFile(images[0]!, predictor, options), options, free));
    } catch (error) {
      throw new StageError("predict", id, error);
    }
  }
  return expected;
}

/** One after the other: the larger peak, and the time of both. */
export const inTurn = (a: Outlook, b: Outlook): Outlook => ({
  memory: Math.max(a.memory, b.memory),
  disk: Math.max(a.disk, b.disk),
  seconds: a.seconds + b.seconds,
});

export const nothingExpected: Outlook = { memory: 0, disk: 0, seconds: 0 };

/** What is known of an image before it is read. */
export interface ImageAhead {
  /** [channel, z, y, x] */
  readonly shape: VolumeShape;
  readonly spacing: Spacing;
  readonly bytesPerVoxel: number;
  /** It is let go once the last member has preprocessed it. */
  readonly releaseImage: boolean;
}

export interface LookOptions extends PredictionLimits, DicomChoice {
  readonly stepFraction?: number;
  readonly mirroring?: boolean;
  readonly saveProbabilities?: ProbabilityForm | undefined;
  readonly probabilityStore?: string | undefined;
  readonly onEvent?: EventListener | undefined;
}

/** By the header of the file of its first channel; the others are of the same size. */
export async function imageInFile(
  path: string,
  { metadata }: Pick<LoadedPredictor, "metadata">,
  { seriesUid, volume }: DicomChoice = {},
): Promise<ImageAhead> {
  const { shape, geometry, dataType } = await readImageInfo(path, { seriesUid, volume });
  return {
    shape: [metadata.dataset.channelNames.length, shape[1], shape[2], shape[3]],
    spacing: geometry.spacing,
    bytesPerVoxel: BYTES_AS_STORED[dataType] ?? 4,
    releaseImage: true,
  };
}

/**
 * {@link lookAhead} at one image.
 *
 * @param free - bytes of memory that nobody uses
 * @throws {LimitError} if it is beyond memory or patches
 */
export function lookAtImage(
  { members }: Pick<LoadedPredictor, "members">,
  id: string,
  image: ImageAhead,
  options: LookOptions,
  free = freeMemory(),
): Outlook {
  let expected = nothingExpected;
  for (const [index, { models, previous }] of members.entries()) {
    const onProbabilities =
      members.length > 1 || options.probabilityStore !== undefined || Boolean(options.saveProbabilities);
    const { bytesPerVoxel } = image;
    const releaseImage = image.releaseImage && index === members.length - 1;
    const asked = { ...options, previous, onProbabilities, bytesPerVoxel, releaseImage, free };
    const size = predictionSize(models, image, asked);
    refuseLargePrediction(id, size, options, free);
    const seconds = expectedSeconds(size, models[0]!.metadata);
    expected = inTurn(expected, { memory: size.memory, disk: size.plan.disk, seconds });
    for (const text of outlook(id, size, models[0]!.metadata)) {
      options.onEvent?.({ type: "message", stage: "predict", level: "warning", text });
    }
  }
  return expected;
}

/** What a prediction of several cases will take. */
export interface Outlook {
  /** Bytes at the peak, of the largest case. */
  readonly memory: number;
  /** Bytes of files that are gone afterwards, of the largest case. */
  readonly disk: number;
  /** Of all cases, on the CPU, very roughly. */
  readonly seconds: number;
}

/** "at most 1.30 GB of memory and 3.20 GB of disk for a while, on the CPU very roughly 4 minutes" */
export function describeOutlook({ memory, disk, seconds }: Outlook): string {
  const onDisk = disk > 0 ? ` and ${gigabytes(disk)} of disk for a while` : "";
  return `at most ${gigabytes(memory)} of memory${onDisk}, on the CPU very roughly ${roughly(seconds)}`;
}

/** Seconds on the CPU, from the operations of the network. */
function expectedSeconds({ runs }: PredictionSize, { plans, ...metadata }: ModelMetadata): number {
  const configuration = plans.configurations[metadata.configuration]!;
  const { outputChannels } = labelSet(metadata.dataset);
  const operations = networkOperations(configuration, inputChannels({ ...metadata, plans }), outputChannels);
  return runs * (RUN_SECONDS + operations / (CORE_SPEED * usableCores()));
}

/** What a person should know of a case before hours go by; empty for what is like the training images. */
export function outlook(caseId: string, size: PredictionSize, { plans, ...metadata }: ModelMetadata): string[] {
  const median = inImageAxes(plans.originalMedianSpacing, plans);
  const extent = inImageAxes(
    plans.originalMedianShape.map((n, axis) => n * plans.originalMedianSpacing[axis]!) as unknown as Shape3,
    plans,
  );
  const own = size.shape.map((n, axis) => n * size.spacing[axis]!) as unknown as Shape3;
  const found: string[] = [];
  const seconds = expectedSeconds(size, { plans, ...metadata });
  if (farApart(size.spacing, median)) {
    found.push(`its spacing is ${shownShape(size.spacing)} mm, that of the training images ${shownShape(median)}`);
  }
  if (farApart(own, extent)) {
    found.push(`its size is ${shownShape(own)} mm, that of the training images ${shownShape(extent)}`);
  }
  const work = `resampled to ${shownShape(size.resampled)} voxels, ${size.patches.toLocaleString("en")} ${size.patches === 1 ? "patch" : "patches"}, on the CPU very roughly ${roughly(seconds)}`;
  if (found.length > 0) {
    return [`case ${caseId} is far from what the model was trained on: ${found.join("; ")} (x × y × z); ${work}`];
  }
  return seconds > LONG ? [`case ${caseId} will take long: ${work}`] : [];
}

/**
 * Whether there is nothing to see in an image, or it has other intensities than the model was trained on, where the
 * normalisation takes them as they are (CT, unnormalised). Returns a warning, or undefined.
 */
export function strangeIntensities(
  caseId: string,
  image: Volume,
  { plans, configuration }: Pick<ModelMetadata, "plans" | "configuration">,
): string | undefined {
  const { normalizationSchemes } = plans.configurations[configuration]!;
  const voxels = image.data.length / image.shape[0];
  for (const [channel, scheme] of normalizationSchemes.entries()) {
    const trained = plans.foregroundIntensityPerChannel[channel];
    const asTheyAre = trained && (scheme === "CT" || scheme === "NoNormalization");
    const { percentile005: low, percentile995: high } = trained ?? { percentile005: NaN, percentile995: NaN };
    let [least, most, within] = [Infinity, -Infinity, 0];
    for (let i = channel * voxels; i < (channel + 1) * voxels; i++) {
      const value = image.data[i]!;
      if (value < least) least = value;
      if (value > most) most = value;
      if (value >= low && value <= high) within++;
    }
    if (least === most) {
      return `case ${caseId} shows nothing: every voxel of channel ${channel} is ${Number(least.toPrecision(4))}; is it the right file?`;
    }
    if (!asTheyAre || within / voxels >= 1e-3) continue;
    const range = (a: number, b: number) => `${Number(a.toPrecision(4))} to ${Number(b.toPrecision(4))}`;
    return `case ${caseId} is far from what the model was trained on: channel ${channel} has values from ${range(least, most)}, and hardly any in ${range(low, high)}, where the trained structures lie; is the unit right?`;
  }
  return undefined;
}

function inImageAxes<T extends Shape3 | Spacing>(values: T, { transposeBackward }: Plans): Shape3 {
  return transposeBackward.map((axis) => values[axis]!) as unknown as Shape3;
}

function farApart(a: readonly number[], b: readonly number[]): boolean {
  return a.some((value, axis) => value / b[axis]! > FAR || b[axis]! / value > FAR);
}

/** Multiply-adds of the convolutions for one patch; the rest is small beside them. */
export function networkOperations(
  { patchSize, architecture: net }: Configuration,
  inputChannels: number,
  outputChannels: number,
): number {
  const stages = net.strides.length;
  const voxels = [elementCount(patchSize)];
  for (let stage = 1; stage < stages; stage++) voxels.push(voxels[stage - 1]! / elementCount(net.strides[stage]!));
  let total = voxels[0]! * net.featuresPerStage[0]! * outputChannels;
  for (let stage = 0; stage < stages; stage++) {
    const features = net.featuresPerStage[stage]!;
    const before = stage === 0 ? inputChannels : net.featuresPerStage[stage - 1]!;
    const kernel = elementCount(net.kernelSizes[stage]!);
    const convolutions = net.convsPerStage[stage]! * (net.kind === "plain" ? 1 : 2);
    total += voxels[stage]! * kernel * (before * features + (convolutions - 1) * features ** 2);
    const decoder = net.convsPerStageDecoder[stage];
    if (decoder === undefined) continue;
    total += voxels[stage]! * kernel * (2 * features * features + (decoder - 1) * features ** 2);
    total += voxels[stage]! * features * net.featuresPerStage[stage + 1]!; // the transposed convolution
  }
  return total;
}

function roughly(seconds: number): string {
  if (seconds < 90) return "a minute or less";
  if (seconds < 5400) return `${Math.round(seconds / 60)} minutes`;
  if (seconds < 48 * 3600) return `${Math.round(seconds / 3600)} hours`;
  return `${Math.round(seconds / 86400)} days`;
}
