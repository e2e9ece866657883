import { InvalidArgumentError, type LabelSet, ShapeMismatchError, type Volume } from "@nnunet/core";
import { checkChannels, VoxelDecision } from "./voxel-decision.ts";

/**
 * The mean of the probabilities that several configurations (a 2D and a 3D network, say) give the same image.
 *
 * @param volumes - [class or region, z, y, x] on the original grid, as `predictImage` returns them with `probabilities`
 * @returns a new volume in the geometry of the first
 * @throws {InvalidArgumentError} if there is none
 * @throws {ShapeMismatchError} if two differ in shape
 * @example segmentationFromProbabilities(ensembleProbabilities([flat, full]), labelSet(dataset));
 * @see paper, Methods "Empirical parameters", ensembling by averaging softmax; docs/method.md §7
 */
export function ensembleProbabilities(volumes: readonly Volume<Float32Array>[]): Volume<Float32Array> {
  const [first] = volumes;
  if (first === undefined) throw new InvalidArgumentError("volumes", "at least one volume of probabilities", volumes);
  for (const { shape } of volumes) {
    if (shape.join() !== first.shape.join()) {
      throw new ShapeMismatchError(
        "probabilities",
        first.shape,
        shape,
        "predict the same image with every configuration",
      );
    }
  }
  const data = new Float32Array(first.data.length);
  const share = 1 / volumes.length;
  for (let i = 0; i < data.length; i++) {
    let sum = 0;
    for (const volume of volumes) sum += volume.data[i]!;
    data[i] = sum * share;
  }
  return { ...first, data };
}

/**
 * Decides every voxel: the most probable class (ties to the lowest), or, for regions, the label of each region whose
 * probability exceeds 0.5, in the order of `regionsClassOrder`, later ones over earlier ones.
 *
 * @param probabilities - [class or region, z, y, x]
 * @returns [1, z, y, x] label ids
 * @throws {ShapeMismatchError} if the channels do not fit the labels
 * @see docs/method.md §7, "Export"
 */
export function segmentationFromProbabilities(
  { data, shape, geometry }: Volume<Float32Array>,
  labels: LabelSet,
): Volume<Int16Array> {
  checkChannels(shape, labels);
  const [channels] = shape;
  const voxels = data.length / channels;
  const decision = new VoxelDecision(voxels, labels);
  for (let c = 0; c < channels; c++) decision.add(data.subarray(c * voxels, (c + 1) * voxels));
  return { data: decision.labels, shape: [1, shape[1], shape[2], shape[3]], geometry };
}
