import { InvalidArgumentError, MersenneTwister } from "@nnunet/core";

/** nnU-Net v2's seed, the same for every case. */
const SEED = 1234;
/** Voxels that nnU-Net v2 draws from a whole dataset, per channel. */
const DRAWS = 1e8;

/** How many voxels nnU-Net v2 draws of each channel of a case, whatever the size of its foreground. */
export function drawsPerCase(cases: number): number {
  return Math.floor(DRAWS / cases);
}

/**
 * How often nnU-Net v2 draws each foreground voxel of a case. It draws with replacement, from a generator that is seeded
 * anew for every case and goes on from channel to channel.
 *
 * @param voxels - of the case's foreground, in C order
 * @param cases - of the whole dataset
 * @throws {InvalidArgumentError} if there is no case
 * @returns gives at each call the counts for the next channel, as NumPy's `RandomState(1234).choice` draws them
 * @see docs/method.md §1
 */
export function drawing(voxels: number, cases: number): () => Uint32Array {
  if (!(Number.isInteger(cases) && cases > 0)) {
    throw new InvalidArgumentError("dataset.numTraining", "the number of cases that are measured", cases);
  }
  const random = new MersenneTwister(SEED);
  return () => (voxels === 0 ? new Uint32Array(0) : random.choiceCounts(voxels, drawsPerCase(cases)));
}
