import { roundHalfEven } from "@nnunet/core";

/** How a rule set turns memory into a batch. */
export interface MemoryReference {
  /** Feature map elements of one sample with which `batch` samples just fill the reference GPU. */
  readonly elements: number;
  readonly batch: number;
  /** The reference GPU's memory; the budget scales with the GPU. */
  readonly gigabytes: number;
  readonly rounding: "floor" | "half-even";
  /** The patch shrinks until this many samples fit; the minimum batch size unless given. */
  readonly batchThatMustFit?: number;
}

/** The batch size and the bounds between which it was chosen. */
export interface ChosenBatch {
  readonly batchSize: number;
  /** What memory would allow. */
  readonly memoryAllows: number;
  /** What `maximumFraction` of the voxels of all training cases allows, rounded half to even. */
  readonly datasetAllows: number;
}

/** The largest estimate (elements of one sample) for which the batch that must fit does fit. */
export function patchBudget(reference: MemoryReference, gpuMemoryGb: number, minimumBatchSize: number): number {
  const elements = reference.elements * (gpuMemoryGb / reference.gigabytes);
  return (elements * reference.batch) / (reference.batchThatMustFit ?? minimumBatchSize);
}

/**
 * Fills the memory that the patch leaves, but never with more than a fraction of the dataset's voxels, and never with
 * fewer samples than the minimum.
 *
 * @param estimate - feature map elements of one sample
 * @param datasetVoxels - voxels of all training cases after resampling
 * @see Isensee et al. 2021, Methods, "Batch size"; docs/method.md §2.7
 */
export function chooseBatch(
  estimate: number,
  reference: MemoryReference,
  gpuMemoryGb: number,
  patchVoxels: number,
  datasetVoxels: number,
  { maximumBatchFraction, minimumBatchSize }: { maximumBatchFraction: number; minimumBatchSize: number },
): ChosenBatch {
  const fits = ((reference.elements * (gpuMemoryGb / reference.gigabytes)) / estimate) * reference.batch;
  const memoryAllows = reference.rounding === "floor" ? Math.floor(fits) : roundHalfEven(fits);
  const datasetAllows = roundHalfEven((maximumBatchFraction * datasetVoxels) / patchVoxels);
  return {
    batchSize: Math.max(Math.min(memoryAllows, datasetAllows), minimumBatchSize),
    memoryAllows,
    datasetAllows,
  };
}
