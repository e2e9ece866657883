import { elementCount, InvalidArgumentError } from "@nnunet/core";

/**
 * How many patches go through the network at once.
 *
 * On a CPU a run of several patches of 16,000 voxels or more was no faster per patch than one (U-Nets of 16 and 32
 * features, two cores); only where a patch is small does the call itself matter. A GPU gains more: ask for more there.
 *
 * @param wanted - the caller's choice, if any
 * @throws {InvalidArgumentError} if it is not a positive integer
 */
export function patchesPerRun(wanted: number | undefined, patchSize: readonly number[]): number {
  if (wanted === undefined) return Math.max(1, Math.min(8, Math.floor(2 ** 15 / elementCount(patchSize))));
  if (!(Number.isInteger(wanted) && wanted > 0)) {
    throw new InvalidArgumentError("patchesPerRun", "a positive integer", wanted);
  }
  return wanted;
}
