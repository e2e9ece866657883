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
import { resampledGrid } from "@nnunet/preprocess";
import { commonNetwork } from "./common-network.ts";
import type { Model } from "./load-model.ts";
import { estimateMemory } from "./memory-estimate.ts";
import { mirrorings } from "./mirrored-patch.ts";
import { patchCount } from "./patch-starts.ts";

/** What may be spent on one case; more is refused before anything is begun. */
export interface PredictionLimits {
  /** Memory at the peak, GB; no limit by default. The pipeline and the command line give what is free. */
  readonly maxMemoryGb?: number | undefined;
  /** Positions of the sliding window; 100,000 by default, several times what whole-body images take. */
  readonly maxPatches?: number | undefined;
}

export const defaultMaxPatches = 100_000;

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
  /** Bytes at the peak, without the models. */
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
  models: readonly Pick<Model, "metadata">[],
  image: { readonly shape: VolumeShape; readonly spacing: Spacing },
  {
    stepFraction = 0.5,
    mirroring = true,
    patchesPerRun,
    probabilities = false,
    onProbabilities,
    previous,
  }: {
    readonly stepFraction?: number;
    readonly mirroring?: boolean;
    readonly patchesPerRun?: number | undefined;
    readonly probabilities?: boolean;
    /** Whatever is to take them channel by channel, if anything does. */
    readonly onProbabilities?: unknown;
    readonly previous?: readonly Pick<Model, "metadata">[] | undefined;
  } = {},
): PredictionSize {
  const { metadata, configuration, labels, patchSize, mirrorAxes } = commonNetwork(models);
  const { transposeForward, transposeBackward } = metadata.plans;
  const [channels, ...space] = image.shape;
  const shape = space as unknown as Shape3;
  const grid = resampledGrid(shape, image.spacing, transposeForward, configuration);
  const patches = patchesOf(grid, patchSize, stepFraction);
  const copies = mirrorings(mirroring ? mirrorAxes : []).length;
  const [voxels, target] = [elementCount(shape), elementCount(grid)];
  const how = { stepFraction, mirroring, patchesPerRun };
  const before = previous?.length ? predictionSize(previous, image, how) : { patches: 0, runs: 0, memory: 0 };
  // A cascade's extra channels: their segmentation on both grids, and the channels copied beside the image's.
  const extra =
    configuration.previousConfiguration === undefined
      ? 0
      : 2 * (voxels + target) + 4 * target * (channels + labels.foreground.length);
  // The image, a channel in work and the segmentation; the preprocessed image; what prediction adds.
  const held = 4 * voxels * (channels + 1) + 2 * voxels + 4 * target * channels + extra;
  // Channel by channel: five numbers per voxel, as `probabilityChannels` says.
  const probabilityBytes =
    (probabilities ? 4 * voxels * labels.outputChannels : 0) + (probabilities || onProbabilities ? 20 * voxels : 0);
  const network = estimateMemory(metadata, [channels, ...grid], {
    ...(patchesPerRun === undefined ? {} : { patchesPerRun }),
  });
  return {
    shape,
    spacing: image.spacing,
    resampled: transposeBackward.map((axis) => grid[axis]!) as unknown as Shape3,
    patches: patches + before.patches,
    runs: patches * copies * models.length + before.runs,
    memory: Math.max(held + probabilityBytes + network.total, before.memory),
  };
}

/** Positions of the sliding window over a grid. */
export function patchesOf(grid: Shape3, patchSize: Shape3, stepFraction: number): number {
  return grid.reduce(
    (n, length, axis) => n * patchCount(Math.max(length, patchSize[axis]!), patchSize[axis]!, stepFraction),
    1,
  );
}

/**
 * @param free - bytes that are free, where that is known
 * @throws {LimitError} if a case is more than is allowed; says its numbers
 */
export function refuseLargePrediction(
  caseId: string,
  { shape, spacing, resampled, patches, memory }: PredictionSize,
  { maxMemoryGb, maxPatches = defaultMaxPatches }: PredictionLimits,
  free?: number,
): void {
  const subject = `predicting case ${caseId} (${shownShape(shape)} voxels of ${shownShape(spacing)} mm, resampled to ${shownShape(resampled)}, ${patches.toLocaleString("en")} patches)`;
  const hint = "check the spacing in its header, crop it, use a model of a coarser configuration";
  refuseBeyondMemory(subject, memory, memoryLimit(maxMemoryGb, free), hint);
  if (patches > maxPatches) {
    const limit = `the limit is ${maxPatches.toLocaleString("en")}`;
    throw new LimitError(subject, "too many patches", limit, `${hint}, or allow more with \`maxPatches\` ${patches}`);
  }
}
