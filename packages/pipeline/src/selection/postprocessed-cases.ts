import { readdir, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import {
  FileError,
  isJsonObject,
  modelDatasetToJson,
  labelSet,
  type Plans,
  type RawDataset,
  type StageOptions,
} from "@nnunet/core";
import { exists, makeFolder, readJson, temporaryBeside, writeFileAtomic, writeJsonAtomic } from "@nnunet/core/node";
import { summaryFromJson, summaryToText } from "@nnunet/evaluate";
import { writeImage } from "@nnunet/io";
import { crossvalPaths } from "../folders.ts";
import { contentHash, readRecord } from "../records/made-from.ts";
import { hashesIn, holdsExactly, replaceFolder } from "../records/whole-folder.ts";
import { softwareVersion } from "../software-version.ts";
import { type Context, identity } from "../stages.ts";
import { hashesOf } from "../steps/scored-files.ts";
import { type ChosenPostprocessing, choosePostprocessing, rulesOf } from "./choose-postprocessing.ts";
import type { CasePair } from "./validation-cases.ts";

/**
 * The validation cases of the chosen networks with the chosen postprocessing: segmentations, `summary.json`,
 * `postprocessing.json`. It is the last word on what a final predictor does on cases that its networks had not seen. Made from
 * the same files, what is there is kept, and the postprocessing is not looked for again.
 *
 * @param folder - gets them; it names cases, so it lies beside the predictor and not in it
 * @throws {FileError} if the folder holds something else, or a file of a case cannot be read
 */
export async function postprocessedCases(
  context: Context,
  dataset: RawDataset,
  plans: Plans,
  pairs: readonly CasePair[],
  folder: string,
  { onEvent, signal }: StageOptions = {},
): Promise<ChosenPostprocessing> {
  await refuseOtherFolder(folder);
  const inputs = await inputsOf(context, dataset, plans, pairs);
  const { postprocessor, evaluator } = context.stages;
  const paths = crossvalPaths(folder);
  if (await isMadeFrom(folder, inputs)) {
    const decided = postprocessor.fromJson(await readJson(paths.postprocessing), paths.postprocessing);
    return { decided, rules: rulesOf(plans), summary: summaryFromJson(await readJson(paths.summary), paths.summary) };
  }
  const temporary = temporaryBeside(folder);
  const target = ({ prediction }: CasePair, within: string) => join(within, basename(prediction));
  try {
    await makeFolder(temporary);
    const { summary, ...chosen } = await choosePostprocessing(context, dataset, plans, pairs, {
      keep: (pair, treated) => writeImage(target(pair, temporary), treated),
      ...(signal && { signal }),
      ...(onEvent && { onEvent }),
    });
    const scored = {
      evaluator: identity(evaluator),
      ...summary,
      cases: summary.cases.map((each, i) => ({ ...each, predictionFile: target(pairs[i]!, folder) })),
    };
    const made = crossvalPaths(temporary);
    await writeJsonAtomic(made.dataset, modelDatasetToJson(dataset.json));
    await writeJsonAtomic(made.postprocessing, postprocessor.toJson(chosen.decided));
    await writeFileAtomic(made.summary, summaryToText(scored));
    await writeJsonAtomic(made.madeFrom, { [kind]: inputs, files: await hashesIn(temporary) });
    const isChanged = (await exists(folder)) && !(await isIntact(folder));
    const kept = await replaceFolder(temporary, folder, isChanged);
    if (kept !== undefined) {
      const text = `${folder} had been changed by hand, and is kept: ${kept}`;
      onEvent?.({ type: "message", stage: "find-best", level: "warning", text });
    }
    return { ...chosen, summary: summaryFromJson(await readJson(paths.summary), paths.summary) };
  } catch (error) {
    await rm(temporary, { recursive: true, force: true }).catch(() => {});
    throw error;
  }
}

/** What marks the record of such a folder. */
const kind = "postprocessed cases";

async function inputsOf(
  { stages }: Context,
  dataset: RawDataset,
  plans: Plans,
  pairs: readonly CasePair[],
): Promise<string> {
  const made = [stages.evaluator, stages.postprocessor].map(identity);
  const groups = pairs.map(({ group }) => group ?? null);
  return contentHash([softwareVersion, made, rulesOf(plans), labelSet(dataset.json), await hashesOf(pairs), groups]);
}

async function isMadeFrom(folder: string, inputs: string): Promise<boolean> {
  return (await readRecord(crossvalPaths(folder).madeFrom))[kind] === inputs && (await isIntact(folder));
}

async function isIntact(folder: string): Promise<boolean> {
  const { madeFrom } = crossvalPaths(folder);
  const { files } = await readRecord(madeFrom);
  return isJsonObject(files) && holdsExactly(folder, files, basename(madeFrom));
}

async function refuseOtherFolder(folder: string): Promise<void> {
  if (!(await exists(folder))) return;
  const names = await readdir(folder).catch(() => undefined);
  if (names?.length === 0 || (await readRecord(crossvalPaths(folder).madeFrom))[kind] !== undefined) return;
  throw new FileError(
    folder,
    "holds something else than the cases of a cross-validation, which go there, and is never replaced; move it away, or choose another output",
  );
}
