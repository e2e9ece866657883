import { type Configuration, isNnunetError, isOutOfMemory, LimitError, shownShape } from "@nnunet/core";

/**
 * Does the work; where memory ends in the middle of it, which a runtime says in words of its own, the error names what
 * lowers the need.
 *
 * @param what - "a step of the training"
 * @throws {LimitError} if memory ended; any other error as it is
 */
export async function sayingWhatToLower<T>(
  what: string,
  { batchSize, patchSize }: Pick<Configuration, "batchSize" | "patchSize">,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    if (isNnunetError(error) || !isOutOfMemory(reason)) throw error;
    throw new LimitError(
      `${what} (patch ${shownShape(patchSize)}, batch ${batchSize})`,
      "more memory",
      `there was no more (${reason.replaceAll(/\s+/g, " ").replace(/\.$/, "")})`,
      "train with a smaller `batchSize` or fewer `baseFeatures`, plan with a smaller `gpuMemoryGb`, or end other programs",
    );
  }
}
