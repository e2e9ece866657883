import {
  type CaseFiles,
  type EventListener,
  gigabytes,
  type ModelMetadata,
  type Plans,
  type Shape3,
  type Spacing,
  StageError,
  shownShape,
  type VolumeShape,
} from "@nnunet/core";
import { freeMemory } from "@nnunet/core/node";
import { type PredictionLimits, type PredictionSize, predictionSize, refuseLargePrediction } from "@nnunet/inference";
import { type DicomChoice, readImageInfo } from "@nnunet/io";
import type { ProbabilityForm } from "./case-outputs.ts";
import {
  expectedSeconds,
  type ExpectedTime,
  type ExpectedWork,
  type TimeOf,
  timeNetworks,
  voxelsOfWork,
} from "./expected-time.ts";
import type { LoadedPredictor } from "./load-predictor.ts";

/** Further than this from what was trained, a network is out of its depth. */
const FAR = 3;
/** Seconds from which on a user wants to know beforehand. */
const LONG = 1800;
/** Types of voxels that stay as they are stored; the others become float32. */
const BYTES_AS_STORED: Readonly<Record<string, number>> = { int8: 1, uint8: 1, int16: 2, uint16: 2 };

/**
 * Looks at the headers of all cases before the first is begun: what is beyond memory or patches is refused with its
 * numbers, what is merely far from the training images is warned of, with the time that it will take.
 *
 * @returns what each of them will take by itself, and the time of such work
 * @throws {StageError} naming the case; its cause is a LimitError, or what is wrong with the header
 */
export async function lookAhead(
  predictor: Pick<LoadedPredictor, "members" | "metadata">,
  cases: readonly CaseFiles[],
  options: LookOptions,
): Promise<{ readonly outlooks: readonly Outlook[]; readonly timeOf: TimeOf }> {
  const free = freeMemory();
  const seen: { id: string; sizes: readonly PredictionSize[]; outlook: Outlook }[] = [];
  for (const { id, images } of cases) {
    try {
      const image = await imageInFile(images[0]!, predictor, options);
      seen.push({ id, ...sizeUp(predictor, undefined, image, options, free) });
    } catch (error) {
      throw new StageError("predict", id, error);
    }
  }
  const outlooks = seen.map(({ outlook }) => outlook);
  const timeOf = await timeNetworks(
    outlooks.flatMap(({ work }) => work),
    options.signal,
  );
  for (const { id, sizes, outlook } of seen) warn(predictor, id, sizes, timeOf(outlook.work), options);
  return { outlooks, timeOf };
}

/** One after the other: the larger peak, and the work of both. */
export const inTurn = (a: Outlook, b: Outlook): Outlook => ({
  memory: Math.max(a.memory, b.memory),
  disk: Math.max(a.disk, b.disk),
  work: [...a.work, ...b.work],
});

export const nothingExpected: Outlook = { memory: 0, disk: 0, work: [] };

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
  readonly signal?: AbortSignal | undefined;
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
 * {@link lookAhead} at one image, whose time nobody measures.
 *
 * @throws {LimitError} if it is beyond memory or patches
 */
export function lookAtImage(
  predictor: Pick<LoadedPredictor, "members">,
  id: string,
  image: ImageAhead,
  options: LookOptions,
): void {
  const { sizes, outlook } = sizeUp(predictor, id, image, options, freeMemory());
  warn(predictor, id, sizes, { seconds: expectedSeconds(outlook.work), measured: false }, options);
}

/**
 * @param id - for errors; undefined where they are thrown on under the case's name
 * @param free - bytes of memory that nobody uses
 * @returns of each member how much work it has, and what they take together
 */
function sizeUp(
  { members }: Pick<LoadedPredictor, "members">,
  id: string | undefined,
  image: ImageAhead,
  options: LookOptions,
  free: number,
): { sizes: readonly PredictionSize[]; outlook: Outlook } {
  const sizes: PredictionSize[] = [];
  let outlook = nothingExpected;
  for (const [index, { models, previous }] of members.entries()) {
    const onProbabilities =
      members.length > 1 || options.probabilityStore !== undefined || Boolean(options.saveProbabilities);
    const { bytesPerVoxel } = image;
    const releaseImage = image.releaseImage && index === members.length - 1;
    const asked = { ...options, previous, onProbabilities, bytesPerVoxel, releaseImage, free };
    const size = predictionSize(models, image, asked);
    refuseLargePrediction(id, size, options, free);
    const work = [{ model: models[0]!, runs: size.runs, voxels: voxelsOfWork(image.shape, size.resampled) }];
    outlook = inTurn(outlook, { memory: size.memory, disk: size.plan.disk, work });
    sizes.push(size);
  }
  return { sizes, outlook };
}

function warn(
  { members: [{ models }] }: Pick<LoadedPredictor, "members">,
  id: string,
  sizes: readonly PredictionSize[],
  time: ExpectedTime,
  { onEvent }: LookOptions,
): void {
  const text = worthKnowing(id, sizes, models[0]!.metadata, time);
  if (text !== undefined) onEvent?.({ type: "message", stage: "predict", level: "warning", text });
}

/** What a prediction of several cases will take. */
export interface Outlook {
  /** Bytes at the peak, of the largest case. */
  readonly memory: number;
  /** Bytes of files that are gone afterwards, of the largest case. */
  readonly disk: number;
  /** Of all cases. */
  readonly work: readonly ExpectedWork[];
}

/** "at most 1.30 GB of memory and 3.20 GB of disk for a while, about 4 minutes" */
export function describeOutlook({ memory, disk }: Pick<Outlook, "memory" | "disk">, time: ExpectedTime): string {
  const onDisk = disk > 0 ? ` and ${gigabytes(disk)} of disk for a while` : "";
  return `at most ${gigabytes(memory)} of memory${onDisk}, ${describeTime(time)}`;
}

/** "about 4 minutes", or "a minute or less" */
export function describeTime({ seconds, measured }: ExpectedTime): string {
  return seconds < MINUTE ? roughly(seconds) : `${measured ? "about" : "very roughly"} ${roughly(seconds)}`;
}

/** What a person should know of a case before hours go by; undefined for what is like the training images. */
function worthKnowing(
  caseId: string,
  sizes: readonly PredictionSize[],
  { plans }: Pick<ModelMetadata, "plans">,
  time: ExpectedTime,
): string | undefined {
  const { shape, spacing } = sizes[0]!;
  const median = inImageAxes(plans.originalMedianSpacing, plans);
  const extent = inImageAxes(
    plans.originalMedianShape.map((n, axis) => n * plans.originalMedianSpacing[axis]!) as unknown as Shape3,
    plans,
  );
  const own = shape.map((n, axis) => n * spacing[axis]!) as unknown as Shape3;
  const found: string[] = [];
  if (farApart(spacing, median)) {
    found.push(`its spacing is ${shownShape(spacing)} mm, that of the training images ${shownShape(median)}`);
  }
  if (farApart(own, extent)) {
    found.push(`its size is ${shownShape(own)} mm, that of the training images ${shownShape(extent)}`);
  }
  const grids = [...new Set(sizes.map(({ resampled }) => shownShape(resampled)))].join(" and ");
  const patches = sizes.reduce((sum, size) => sum + size.patches, 0);
  const work = `resampled to ${grids} voxels, ${patches.toLocaleString("en")} ${patches === 1 ? "patch" : "patches"}, ${describeTime(time)}`;
  if (found.length > 0) {
    return `case ${caseId} is far from what the model was trained on: ${found.join("; ")} (x × y × z); ${work}`;
  }
  return time.seconds > LONG ? `case ${caseId} will take long: ${work}` : undefined;
}

function inImageAxes<T extends Shape3 | Spacing>(values: T, { transposeBackward }: Plans): Shape3 {
  return transposeBackward.map((axis) => values[axis]!) as unknown as Shape3;
}

function farApart(a: readonly number[], b: readonly number[]): boolean {
  return a.some((value, axis) => value / b[axis]! > FAR || b[axis]! / value > FAR);
}

/** Seconds up to which nobody wants to know more. */
const MINUTE = 90;

function roughly(seconds: number): string {
  if (seconds < MINUTE) return "a minute or less";
  if (seconds < 5400) return `${Math.round(seconds / 60)} minutes`;
  if (seconds < 48 * 3600) return `${Math.round(seconds / 3600)} hours`;
  return `${Math.round(seconds / 86400)} days`;
}
