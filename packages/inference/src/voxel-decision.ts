import { InvalidArgumentError, type LabelSet, ShapeMismatchError, type VolumeShape } from "@nnunet/core";

/**
 * What voxels are decided to be while their probabilities come channel by channel: the most probable class (ties to the
 * lowest), or, for regions, the label of each region whose probability exceeds 0.5, later ones over earlier ones.
 *
 * @see docs/method.md §7, "Export"
 */
export class VoxelDecision {
  /** Label ids, whole once every channel was added. */
  readonly labels: Int16Array;
  readonly #highest: Float32Array;
  readonly #regionLabels: readonly number[] | undefined;
  #channel = 0;

  /** @throws {InvalidArgumentError} if there are regions and not a label for each */
  constructor(voxels: number, { regions, regionsClassOrder }: LabelSet) {
    if (regions && regionsClassOrder?.length !== regions.length) {
      const expected = `one label per region (${regions.length})`;
      throw new InvalidArgumentError("labels.regionsClassOrder", expected, regionsClassOrder);
    }
    this.labels = new Int16Array(voxels);
    this.#regionLabels = regions && regionsClassOrder;
    this.#highest = new Float32Array(regions ? 0 : voxels);
  }

  /** Takes the probabilities of the next channel, one per voxel. */
  add(values: Float32Array): void {
    const { labels } = this;
    const highest = this.#highest;
    const channel = this.#channel++;
    if (this.#regionLabels) {
      const label = this.#regionLabels[channel]!;
      for (let i = 0; i < labels.length; i++) if (values[i]! > 0.5) labels[i] = label;
    } else if (channel === 0) {
      highest.set(values);
    } else {
      for (let i = 0; i < labels.length; i++) {
        if (values[i]! > highest[i]!) {
          highest[i] = values[i]!;
          labels[i] = channel;
        }
      }
    }
  }
}

/** @throws {ShapeMismatchError} if the channels do not fit the labels */
export function checkChannels(shape: VolumeShape, { outputChannels }: LabelSet): void {
  const [channels, ...size] = shape;
  if (channels === outputChannels) return;
  throw new ShapeMismatchError("probabilities", [outputChannels, ...size], shape, "one channel per class or region");
}
