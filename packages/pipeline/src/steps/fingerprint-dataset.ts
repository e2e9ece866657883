import {
  datasetToJson,
  type Fingerprint,
  type FingerprintExtractor,
  fingerprintFromJson,
  fingerprintToJson,
  type RawDataset,
} from "@nnunet/core";
import { readJson, whileLocked, writeJsonAtomic } from "@nnunet/core/node";
import { caseBytes } from "./case-memory.ts";
import { type CaseWork, overCases, type PoolOptions } from "../workers/case-pool.ts";
import { type MeasureTask, measureCaseFiles } from "../workers/case-tasks.ts";
import { warnOfImages } from "./image-warnings.ts";
import { hashCases } from "./hash-cases.ts";
import { preprocessedPaths } from "../folders.ts";
import { contentHash, exists, recordedHash, recordHash } from "../records/made-from.ts";
import { type Context, defaultStages } from "../stages.ts";
import { timedStage } from "./timed-stage.ts";

export interface FingerprintResult {
  readonly fingerprint: Fingerprint;
  readonly path: string;
  /** False if the one on disk was made from the same bytes. */
  readonly made: boolean;
}

/** Raw dataset → `dataset_fingerprint.json`. Cases are measured in parallel; their number of workers changes nothing. */
export async function fingerprintDataset(
  { stages, folders }: Context,
  dataset: RawDataset,
  options: PoolOptions = {},
): Promise<FingerprintResult> {
  const paths = preprocessedPaths(folders, dataset.name);
  const extractor = stages.fingerprintExtractor;
  const total = dataset.trainingCases.length;
  const measure = () =>
    timedStage(
      "fingerprint",
      { total, detail: `${total} cases of ${dataset.name}` },
      options,
      async (): Promise<{ result: FingerprintResult; detail: string }> => {
        const tasks: CaseWork<MeasureTask>[] = [];
        // Here and not in the later stages as well, so that each oddness is told once.
        const onWarning = options.verified ? undefined : warnOfImages("fingerprint", options.onEvent);
        for (const files of dataset.trainingCases) {
          tasks.push({
            id: files.id,
            bytes: await caseBytes(files, [0, 1, 2], [], onWarning),
            input: { files, dataset: dataset.json },
          });
        }
        const known = options.inputHashes ?? (await hashCases("fingerprint", dataset.trainingCases, options));
        const hashes = dataset.trainingCases.map((files) => known.get(files.id));
        const inputs = contentHash([extractor.name, datasetToJson(dataset.json), hashes]);
        if ((await exists(paths.fingerprint)) && (await recordedHash(paths.madeFrom, "fingerprint")) === inputs) {
          const fingerprint = fingerprintFromJson(await readJson(paths.fingerprint), paths.fingerprint);
          return { result: { fingerprint, path: paths.fingerprint, made: false }, detail: "up to date" };
        }
        const run =
          extractor === defaultStages.fingerprintExtractor
            ? ("measure" as const)
            : (task: MeasureTask) => measureCaseFiles(extractor, task);
        const measurements = await measureAll(extractor, (keep) => overCases("fingerprint", tasks, run, options, keep));
        const fingerprint = extractor.combine(measurements, dataset.json);
        await writeJsonAtomic(paths.dataset, datasetToJson(dataset.json));
        await writeJsonAtomic(paths.fingerprint, fingerprintToJson(fingerprint));
        await recordHash(paths.madeFrom, "fingerprint", inputs);
        return { result: { fingerprint, path: paths.fingerprint, made: true }, detail: paths.fingerprint };
      },
    );
  const { signal, onEvent } = options;
  return whileLocked(paths.fingerprint, "measuring", measure, { wait: { stage: "fingerprint" }, signal, onEvent });
}

/** All measurements, or where the extractor can merge them a single one, so that memory does not grow with the dataset. */
async function measureAll(
  extractor: FingerprintExtractor,
  measure: (keep: (measurement: unknown) => unknown) => Promise<unknown[]>,
): Promise<unknown[]> {
  const { merge } = extractor;
  if (!merge) return measure((measurement) => measurement);
  let merged: unknown[] = [];
  await measure((measurement) => {
    merged = [merge([...merged, measurement])];
  });
  return merged;
}
