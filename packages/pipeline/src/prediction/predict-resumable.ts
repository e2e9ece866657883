import { rm } from "node:fs/promises";
import type { CaseFiles } from "@nnunet/core";
import type { Model } from "@nnunet/inference";
import { recordedHash, recordHash } from "../records/made-from.ts";
import { type PredictionOptions, predictCases } from "./predict-files.ts";
import type { Context } from "../stages.ts";

/**
 * Predicts cases into a folder of the pipeline's own. One that was stopped is gone on with if it was made from the
 * same; segmentations made from anything else are removed first, so that the two are never mixed.
 *
 * @param record - where the hash of what the predictions are made from is kept, and under which name
 */
export async function predictResumably(
  context: Context,
  models: readonly Model[],
  cases: readonly CaseFiles[],
  target: (files: CaseFiles) => string,
  record: { readonly madeFrom: string; readonly name: string; readonly inputs: string },
  options: PredictionOptions,
): Promise<void> {
  const { madeFrom, inputs } = record;
  const name = `${record.name} begun`;
  const begun = (await recordedHash(madeFrom, name)) === inputs;
  const existing = begun ? { continue: true } : { overwrite: true };
  await predictCases(context, models, cases, target, { ...options, ...existing }, async () => {
    if (begun) return;
    for (const files of cases) await rm(target(files), { force: true });
    await recordHash(madeFrom, name, inputs);
  });
}
