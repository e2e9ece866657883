import { elementCount, FileError, spatialShape } from "@nnunet/core";
import { copyFileAtomic, exists, pathBelow, readJson, writeChunksAtomic, writeFileAtomic } from "@nnunet/core/node";
import { summaryFromJson } from "@nnunet/evaluate";
import { v2ProbabilitiesChunks, v2PropertiesPickle } from "@nnunet/interop";
import { openProbabilities, type ProbabilityReader } from "@nnunet/preprocess";
import type { FoldPaths } from "../folders.ts";
import { casesOf, fileName } from "../selection/validation-cases.ts";

/**
 * What the validation of a fold left, as nnU-Net v2's tools expect it in `fold_k/validation`: the segmentations, `summary.json`,
 * and of a fold that kept its probabilities `CASE.npz` and `CASE.pkl`.
 *
 * @returns the files written
 * @throws {FileError} if the fold was not validated, or a case of its summary is gone
 */
export async function exportValidation(fold: FoldPaths, target: FoldPaths): Promise<string[]> {
  if (!(await exists(fold.summary))) {
    throw new FileError(fold.summary, "is missing: this fold was not validated; train it to its end");
  }
  const summary = summaryFromJson(await readJson(fold.summary), fold.summary);
  const hasProbabilities = await exists(fold.probabilities);
  const written: string[] = [];
  for (const { predictionFile } of summary.cases) {
    const name = fileName(predictionFile);
    written.push(pathBelow(target.validation, name));
    await copyFileAtomic(pathBelow(fold.validation, name), written.at(-1)!);
  }
  for (const id of hasProbabilities ? casesOf(summary) : []) {
    const stored = await openProbabilities(fold.probabilities, id);
    const [npz, pkl] = [pathBelow(target.validation, `${id}.npz`), pathBelow(target.validation, `${id}.pkl`)];
    await writeFileAtomic(pkl, v2PropertiesPickle(stored.geometry));
    await writeChunksAtomic(npz, v2ProbabilitiesChunks(stored.shape, channels(stored)));
    written.push(npz, pkl);
  }
  await copyFileAtomic(fold.summary, target.summary);
  return [...written, target.summary];
}

/** One channel after the other, [z, y, x], so that they never lie in memory as a whole. */
async function* channels({ shape, blocks, readBlock }: ProbabilityReader): AsyncGenerator<Float32Array> {
  const [, height, width] = spatialShape({ shape });
  for (let channel = 0; channel < shape[0]; channel++) {
    const values = new Float32Array(elementCount(spatialShape({ shape })));
    for (const [number, { start, size }] of blocks.entries()) {
      const block = await readBlock(channel, number);
      for (let z = 0, from = 0; z < size[0]; z++) {
        for (let y = 0; y < size[1]; y++, from += size[2]) {
          values.set(block.subarray(from, from + size[2]), ((start[0] + z) * height + start[1] + y) * width + start[2]);
        }
      }
    }
    yield values;
  }
}
