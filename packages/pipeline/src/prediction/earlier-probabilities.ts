import { dirname, join } from "node:path";
import { type CaseFiles, FileError } from "@nnunet/core";
import { exists } from "@nnunet/core/node";
import { storedProbabilitiesHash } from "@nnunet/preprocess";
import { probabilitiesPath, v2ProbabilitiesPaths } from "./prediction-output.ts";
import type { CaseOutputs, PredictionRecord } from "./prediction-record.ts";

/** The folder below an output folder that `ensemble` reads probabilities from. */
export function probabilityStoreIn(output: string): string {
  return join(output, "probabilities");
}

/**
 * Probabilities beside a segmentation that is to be made again, by other models or options, would be taken for its own, by
 * `ensemble` too, if they were not made again with it.
 *
 * @param store - where probabilities of this run are kept
 * @throws {FileError} if there are some that this run neither replaces nor would give itself
 */
export async function refuseEarlierProbabilities(
  files: CaseFiles,
  outputs: CaseOutputs,
  record: PredictionRecord | undefined,
  store: string | undefined,
): Promise<void> {
  const [target] = outputs.images;
  const kept = probabilityStoreIn(dirname(target));
  if (record && store !== kept) {
    const hash = await storedProbabilitiesHash(kept, files.id);
    if (hash !== undefined && hash !== (await record.inputsOf(files))) {
      throw ofEarlierPrediction(join(kept, `${files.id}.zarr`), "`probabilities`");
    }
  }
  if (!(await exists(target)) || (await record?.isOurs(files, outputs))) return;
  const { npz, pkl } = v2ProbabilitiesPaths(target);
  for (const path of [probabilitiesPath(target), npz, pkl]) {
    if (outputs.files.includes(path) || !(await exists(path))) continue;
    throw ofEarlierPrediction(path, "`saveProbabilities`");
  }
}

/** @param option - makes them again with the segmentation */
export function ofEarlierPrediction(path: string, option: string): FileError {
  const problem = "belongs to an earlier prediction and would not be replaced with the segmentation beside it";
  return new FileError(path, `${problem}; remove it, add ${option} to make it again, or choose another output`);
}
