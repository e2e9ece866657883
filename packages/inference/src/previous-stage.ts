import {
  InvalidArgumentError,
  labelSet,
  type PreprocessedCase,
  ShapeMismatchError,
  weightsOfFolds,
} from "@nnunet/core";
import { commonNetwork } from "./common-network.ts";
import type { Model } from "./load-model.ts";

type Described = Pick<Model, "metadata">;

/**
 * Checks that the first network of a cascade is the one that the second was trained with, and that there is none where
 * none belongs. Some of its folds are enough; models that do not say what they were trained with take any of the right
 * configuration and labels.
 *
 * @returns the folds of the first network, or undefined where `models` are no second network
 * @throws {InvalidArgumentError} if they are missing, or are others
 */
export function checkPrevious<T extends Described>(
  models: readonly Described[],
  previous: readonly T[] | undefined,
): readonly T[] | undefined {
  const { metadata, configuration } = commonNetwork(models);
  const name = metadata.configuration;
  const first = configuration.previousConfiguration;
  const given = previous?.map((model) => named(model)) ?? [];
  if (first === undefined) {
    if (given.length === 0) return undefined;
    throw new InvalidArgumentError("previous", `none, because ${name} is not the second network of a cascade`, given);
  }
  if (!previous || given.length === 0) {
    const expected = `the models of ${first}, whose segmentations ${name} takes as input`;
    throw new InvalidArgumentError("previous", expected, previous);
  }
  const before = commonNetwork(previous).metadata;
  const labelsOf = ({ metadata: { dataset } }: Described) => JSON.stringify([dataset.channelNames, labelSet(dataset)]);
  if (before.configuration !== first || labelsOf(previous[0]!) !== labelsOf(models[0]!)) {
    throw new InvalidArgumentError("previous", `models of ${first} with the channels and labels of ${name}`, given);
  }
  for (const model of models) {
    const known = model.metadata.previousStage?.weightsSha256;
    const other =
      known && previous.find((each) => !weightsOfFolds(each.metadata).every((hash) => known.includes(hash)));
    if (!other) continue;
    const expected = `the ${first} that ${named(model)} was trained with (it was trained again since, or is another's); train ${name} again, or give that ${first}`;
    throw new InvalidArgumentError("previous", expected, named(other));
  }
  return previous;
}

/** "3d_lowres, fold 0 1 (weights 0f1e2d3c)" */
function named({ metadata }: Described): string {
  return `${metadata.configuration}, fold ${metadata.folds.join(" ")} (weights ${metadata.weightsSha256.slice(0, 8)})`;
}

/**
 * A preprocessed image with what the first network of a cascade found as further channels: 1 where the label is, 0
 * elsewhere, one channel per foreground label.
 *
 * @param preprocessed - [channel, z, y, x]
 * @param previous - label ids on the same grid
 * @returns [channel + label, z, y, x]
 * @throws {ShapeMismatchError} if the grids differ
 */
export function withPreviousChannels(
  preprocessed: PreprocessedCase,
  previous: { readonly seg: Int16Array; readonly shape: readonly [number, number, number] },
  foreground: readonly number[],
): PreprocessedCase {
  const [channels, ...grid] = preprocessed.shape;
  if (grid.some((n, axis) => n !== previous.shape[axis])) {
    throw new ShapeMismatchError(`previous segmentation of case ${preprocessed.properties.id}`, grid, previous.shape);
  }
  const voxels = previous.seg.length;
  const data = new Float32Array((channels + foreground.length) * voxels);
  data.set(preprocessed.data);
  for (const [i, label] of foreground.entries()) {
    const first = (channels + i) * voxels;
    for (let voxel = 0; voxel < voxels; voxel++) if (previous.seg[voxel] === label) data[first + voxel] = 1;
  }
  return { ...preprocessed, data, shape: [channels + foreground.length, grid[0]!, grid[1]!, grid[2]!] };
}
