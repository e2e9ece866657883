import { createHash } from "node:crypto";
import { findConfiguration, normalizationSchemes, type Plans } from "@nnunet/core";
import { describeFileError, openRegularFile } from "@nnunet/core/node";

/** Raised when the same inputs would give other voxels than before. */
const PREPROCESSING_VERSION = 1;

/**
 * The hash that decides whether a preprocessed case may be kept: of the bytes it came from and of exactly those values
 * of the plans that preprocessing reads. A new batch size or network changes nothing; a new spacing or order does.
 *
 * @param inputBytesHash - from {@link hashFiles}
 * @returns 64 hexadecimal digits (SHA-256)
 * @throws {UnknownStageError} if the plans lack the configuration
 */
export function preprocessedHash(inputBytesHash: string, plans: Plans, configurationName: string): string {
  const c = findConfiguration(plans, configurationName);
  const usesStatistics = c.normalizationSchemes.map((scheme, i) =>
    normalizationSchemes[scheme].usesStatistics ? statistics(plans.foregroundIntensityPerChannel[i]) : null,
  );
  const relevant = [
    PREPROCESSING_VERSION,
    inputBytesHash,
    plans.transposeForward,
    c.spacing,
    c.normalizationSchemes,
    c.useMaskForNorm,
    usesStatistics,
    [c.resamplingData, c.resamplingSeg].map((r) => [r.order, r.orderZ, r.forceSeparateZ]),
    c.normalizeBeforeResampling,
  ];
  return createHash("sha256").update(JSON.stringify(relevant)).digest("hex");
}

function statistics(p: Plans["foregroundIntensityPerChannel"][number] | undefined): unknown {
  return p && [p.mean, p.std, p.percentile005, p.percentile995];
}

/**
 * One SHA-256 of several files, over that of each, in order; their names do not enter. A file is never in memory.
 *
 * @throws {FileError} if a file cannot be read
 */
export async function hashFiles(paths: readonly string[]): Promise<string> {
  const hash = createHash("sha256");
  for (const path of paths) hash.update(await fileSha256(path), "hex");
  return hash.digest("hex");
}

/**
 * SHA-256 over the bytes of a file, hex, as `sha256sum` prints it. Streams.
 *
 * @throws {FileError} if it cannot be read
 */
export async function fileSha256(path: string): Promise<string> {
  const hash = createHash("sha256");
  const { handle } = await openRegularFile(path);
  try {
    for await (const chunk of handle.createReadStream({ highWaterMark: 1 << 20 })) hash.update(chunk as Uint8Array);
  } catch (error) {
    throw describeFileError(path, "could not be read", error);
  }
  return hash.digest("hex");
}
