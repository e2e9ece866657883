import {
  elementCount,
  LimitError,
  memoryLimit,
  refuseBeyondMemory,
  type Shape3,
  type Spacing,
  shownShape,
  type VolumeShape,
} from "@nnunet/core";
import { RESAMPLING_PANEL } from "@nnunet/kernels";
import { resampledGrid, usesMask, planesOfDecision } from "@nnunet/preprocess";
import { axisStarts } from "./axis-windows.ts";
import { commonNetwork } from "./common-network.ts";
import type { Model } from "./load-model.ts";
import { estimateMemory } from "./memory-estimate.ts";
import { type MemoryPlan, planMemory } from "./memory-plan.ts";
import { mirrorings } from "./mirrored-patch.ts";
import { patchCount } from "./patch-starts.ts";
import { patchesPerRun as patchesPerRunOf } from "./patches-per-run.ts";
import { stripBytes } from "./score-memory.ts";
import { inputPlanesAlive, planesAlive, windowSchedule } from "./window-schedule.ts";

/** What may be spent on one case; more is refused before anything is begun. */
export interface PredictionLimits {
  /** Memory at the peak, GB; no limit by default. The pipeline and the command line give what is free. */
  readonly maxMemoryGb?: number | undefined;
  /** Bytes that the process takes before the case is read; counted in. 0 by default. */
  readonly taken?: number | undefined;
  /** Positions of the sliding window; 100,000 by default, several times what whole-body images take. */
  readonly maxPatches?: number | undefined;
}

export const defaultMaxPatches = 100_000;

/**
 * Positions along z that are laid out to know how many planes exist at a time. A wrong spacing promises 10⁹ of them, which
 * are no reason to run out of memory before that is refused; more than a hundred thousand are like the first.
 */
const MOST_LAYERS = 100_000;

/** What of a model decides how much memory it takes. */
export type PlannedModel = Pick<Model, "metadata" | "answersInParts" | "deviceRuntime">;

/** How much work a case is. */
export interface PredictionSize {
  /** Of the image, [z, y, x]. */
  readonly shape: Shape3;
  /** mm, [z, y, x] */
  readonly spacing: Spacing;
  /** The grid that the network sees, [z, y, x] in the image's axes. */
  readonly resampled: Shape3;
  /** Positions of the sliding window. */
  readonly patches: number;
  /** Runs of a network: positions × mirrored copies × models. */
  readonly runs: number;
  /** What lies in memory and what on disk. */
  readonly plan: MemoryPlan;
  /** Bytes at the peak; of Node itself and the models only what `taken` says. */
  readonly memory: number;
}

/**
 * How much work a case will be, from its header and the model's plans alone; cropping to the nonzero region can only
 * make it less.
 *
 * @param models - the folds of one configuration
 * @param image - shape [channel, z, y, x] and spacing [z, y, x] in mm, as stored
 * @param options.previous - the first network of a cascade: its patches and runs are counted in, and what of the two
 *   networks' memory is more
 */
export function predictionSize(
  models: readonly PlannedModel[],
  image: { readonly shape: VolumeShape; readonly spacing: Spacing },
  {
    stepFraction = 0.5,
    mirroring = true,
    patchesPerRun,
    probabilities = false,
    onProbabilities,
    previous,
    bytesPerVoxel = 4,
    releaseImage = false,
    maxMemoryGb,
    taken = 0,
    free,
  }: {
    readonly stepFraction?: number;
    readonly mirroring?: boolean;
    readonly patchesPerRun?: number | undefined;
    readonly probabilities?: boolean;
    /** Whatever is to take them channel by channel, if anything does. */
    readonly onProbabilities?: unknown;
    readonly previous?: readonly PlannedModel[] | undefined;
    /** Of the image in memory; 4 by default. */
    readonly bytesPerVoxel?: number;
    /** Whether the image is let go once it is preprocessed. */
    readonly releaseImage?: boolean | undefined;
    readonly maxMemoryGb?: number | undefined;
    /** Bytes that the process takes before the case is read; counted in. */
    readonly taken?: number | undefined;
    /** Bytes that are free, where that is known: half of them may be taken, if nobody chose otherwise. */
    readonly free?: number | undefined;
  } = {},
): PredictionSize {
  const { metadata, configuration, labels, patchSize, mirrorAxes } = commonNetwork(models);
  const { transposeForward, transposeBackward } = metadata.plans;
  const [channels, ...space] = image.shape;
  const shape = space as unknown as Shape3;
  const grid = resampledGrid(shape, image.spacing, transposeForward, configuration);
  const [layers, ...inLayer] = grid.map((n, axis) =>
    patchCount(Math.max(n, patchSize[axis]!), patchSize[axis]!, stepFraction),
  );
  const patches = layers! * elementCount(inLayer);
  const copies = mirrorings(mirroring ? mirrorAxes : []).length;
  const [voxels, target] = [elementCount(shape), elementCount(grid)];
  const asRead = bytesPerVoxel * voxels * channels;
  const how = { stepFraction, mirroring, patchesPerRun, bytesPerVoxel, maxMemoryGb, taken, free };
  const before = previous?.length ? predictionSize(previous, image, how) : undefined;
  const whole = probabilities || Boolean(onProbabilities);
  const schedule = windowSchedule(
    axisStarts(grid[0], patchSize[0], stepFraction, MOST_LAYERS),
    elementCount(inLayer),
    copies,
    patchesPerRunOf(patchesPerRun, patchSize),
    grid[0],
    patchSize[0],
  );
  // Deciding holds on to at most so many planes below those that are final.
  const planes = whole ? grid[0] : planesAlive(schedule, (end) => Math.max(0, end - planesOfDecision + 1));
  const { total, scores } = estimateMemory(metadata, [channels, planes, grid[1], grid[2]], {
    answersInParts: models.every((model) => model.answersInParts),
    ...(patchesPerRun === undefined ? {} : { patchesPerRun }),
  });
  const cascade = configuration.previousConfiguration !== undefined;
  const inputs = channels + (cascade ? labels.foreground.length : 0);
  // Channel by channel: five numbers per voxel, as `probabilityChannels` says.
  const probabilityBytes = (probabilities ? 4 * voxels * labels.outputChannels : 0) + (whole ? 20 * voxels : 0);
  const runtime = Math.max(...models.map((model) => model.deviceRuntime ?? 0));
  const plan = planMemory(
    {
      // A cascade's first segmentation on both grids.
      image: taken + runtime + (releaseImage ? 0 : asRead) + (cascade ? 2 * (voxels + target) : 0),
      released: releaseImage ? asRead : 0,
      preprocessing: preprocessingWork(shape, grid) + (usesMask(configuration) ? 7 * Math.max(voxels, target) : 0),
      preprocessed: 4 * target * channels,
      between: 4 * Math.max(voxels, target),
      predicting:
        2 * voxels + 4 * inputs * inputPlanesAlive(schedule) * grid[1] * grid[2] + probabilityBytes + total - scores,
      scores,
      scoresFromDisk: stripBytes([labels.outputChannels, ...grid], patchSize) + (whole ? 4 * target : 0),
    },
    memoryLimit(maxMemoryGb, free === undefined ? undefined : taken + free / 2).bytes,
  );
  return {
    shape,
    spacing: image.spacing,
    resampled: transposeBackward.map((axis) => grid[axis]!) as unknown as Shape3,
    patches: patches + (before?.patches ?? 0),
    runs: patches * copies * models.length + (before?.runs ?? 0),
    plan,
    memory: Math.max(plan.memory, before?.memory ?? 0),
  };
}

/** Columns of some lines, some slices. */
function preprocessingWork(shape: Shape3, grid: Shape3): number {
  const slice = Math.max(shape[0] * shape[1], shape[0] * shape[2], shape[1] * shape[2], grid[1] * grid[2]);
  const largest = 4 * Math.max(elementCount(shape), elementCount(grid));
  return 2 * Math.min(RESAMPLING_PANEL, largest) + 6 * 4 * slice;
}

/**
 * @param caseId - undefined where whoever hears of the error names the case
 * @param free - bytes that are free, where that is known
 * @throws {LimitError} if a case is more than is allowed; says its numbers
 */
export function refuseLargePrediction(
  caseId: string | undefined,
  { shape, spacing, resampled, patches, memory }: PredictionSize,
  { maxMemoryGb, taken = 0, maxPatches = defaultMaxPatches }: PredictionLimits,
  free?: number,
): void {
  const subject = `predicting ${caseId === undefined ? "it" : `case ${caseId}`} (${shownShape(shape)} voxels of ${shownShape(spacing)} mm, resampled to ${shownShape(resampled)}, ${patches.toLocaleString("en")} ${patches === 1 ? "patch" : "patches"})`;
  const hint = "check the spacing in its header, crop it, use a model of a coarser configuration";
  refuseBeyondMemory(subject, memory, memoryLimit(maxMemoryGb, free === undefined ? free : taken + free), hint);
  if (patches > maxPatches) {
    const limit = `the limit is ${maxPatches.toLocaleString("en")}`;
    throw new LimitError(subject, "too many patches", limit, `${hint}, or allow more with \`maxPatches\` ${patches}`);
  }
}
