import { basename } from "node:path";
import { type CaseFiles, FileError } from "@nnunet/core";
import { exists, readJson } from "@nnunet/core/node";
import { type DicomChoice, imageFiles, readImageInfo, writtenFiles } from "@nnunet/io";
import { firstThere } from "../records/first-there.ts";
import { identity, probabilitiesPath, v2ProbabilitiesPaths } from "./prediction-output.ts";
import type { CaseOutputs, PredictionRecord } from "./prediction-record.ts";

/**
 * What to do with results that are there: "refuse" to go on; "overwrite" them; "continue": keep those made from the
 * same, redo those made from something else or not whole, and refuse what is not known to be ours; "update": the same
 * in a folder of the pipeline's own, where nothing else is kept.
 */
export type ExistingResults = "refuse" | "overwrite" | "continue" | "update";

/** Whether probabilities are written beside a segmentation: as an image, or as nnU-Net v2 stores them. */
export type ProbabilityForm = boolean | "npz";

/** The files that predicting a case makes, those that an image consists of among them. */
export async function outputsOf(
  files: CaseFiles,
  target: string,
  probabilities: ProbabilityForm = false,
  choice: DicomChoice = {},
): Promise<CaseOutputs> {
  const images: [string, ...string[]] = probabilities === true ? [target, probabilitiesPath(target)] : [target];
  const v2 = probabilities === "npz" ? v2ProbabilitiesPaths(target) : undefined;
  const written = images.flatMap((path) => writtenFiles(path));
  // Only a TIFF of several slices has its spacing beside it.
  const isFlat = written.some(isJson) && (await readImageInfo(files.images[0]!, choice)).shape[1] === 1;
  const all = isFlat ? written.filter((path) => !isJson(path)) : written;
  return { images, files: [...all, ...Object.values(v2 ?? {})], ...(v2 && { v2 }) };
}

/** Files of a folder of predictions that are no case's. */
const reserved = ["dataset.json", "plans.json", "postprocessing.json", "made_from.json", "summary.json"];

/**
 * Looks at all outputs of a run together.
 *
 * @throws {FileError} if an output is a file of an input, by whatever name, two cases give the same file, or one is a
 *   JSON file of something else; no option allows that
 */
export async function checkOutputs(outputs: ReadonlyMap<CaseFiles, CaseOutputs>): Promise<void> {
  const inputs = new Map<string, string>();
  for (const path of [...outputs.keys()].flatMap(({ images }) => images)) {
    const parts = await imageFiles(path).catch(() => [path]); // a damaged one is told when it is read
    for (const part of parts) inputs.set((await identity(part)) ?? part, part);
  }
  const owners = new Map<string, string>();
  for (const [{ id }, { files }] of outputs) {
    for (const output of files) {
      const input = inputs.get((await identity(output)) ?? output);
      if (input !== undefined) {
        const same = input === output ? "is" : `is the same file as ${input},`;
        throw new FileError(output, `${same} an image to be segmented, and never overwritten; choose another output`);
      }
      const other = owners.get(output);
      if (other !== undefined) {
        throw new FileError(output, `would be written for case ${other} and for case ${id}; rename one of them`);
      }
      owners.set(output, id);
      if (isJson(output)) await refuseOtherJson(output);
    }
  }
}

/**
 * Whether the results of a case are there and are to be kept.
 *
 * @throws {FileError} if they are there and may neither be kept nor replaced
 */
export async function isDone(
  files: CaseFiles,
  outputs: CaseOutputs,
  existing: ExistingResults,
  record: PredictionRecord | undefined,
): Promise<boolean> {
  if (existing === "overwrite") return false;
  const found = await firstThere(outputs.files);
  if (found === undefined) return false;
  if (existing === "refuse") {
    const more = record ? "`continue` to keep it and predict the other cases, or " : "";
    throw new FileError(found, `exists already; add ${more}\`overwrite\` to replace it, or choose another output`);
  }
  const state = record ? await record.stateOf(files, outputs) : "unknown";
  if (existing === "continue" && state === "unknown") {
    const problem = "exists already, and nothing says what it was made from";
    throw new FileError(found, `${problem}; move it away, add \`overwrite\` to replace it, or choose another output`);
  }
  if (existing === "continue" && state === "edited") {
    const problem = "was changed after it had been written";
    throw new FileError(
      found,
      `${problem}; move it away to have it predicted again, or add \`overwrite\` to replace it`,
    );
  }
  return state === "done";
}

const isJson = (path: string) => path.toLowerCase().endsWith(".json");

/** The spacing beside a TIFF is ours to replace; any other JSON file of that name is not. */
async function refuseOtherJson(path: string): Promise<void> {
  if (!reserved.includes(basename(path).toLowerCase())) {
    if (!(await exists(path))) return;
    const json = await readJson(path).catch(() => undefined);
    if (typeof json === "object" && json !== null && Object.keys(json).join() === "spacing") return;
  }
  throw new FileError(
    path,
    "the spacing beside a TIFF has this name, which belongs to something else and is never overwritten; choose another output",
  );
}
