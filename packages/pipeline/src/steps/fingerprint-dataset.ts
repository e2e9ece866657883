import {
  counted,
  datasetToJson,
  FileError,
  type Fingerprint,
  type FingerprintExtractor,
  fingerprintFromJson,
  fingerprintToJson,
  type RawDataset,
  shownIntensities,
} from "@nnunet/core";
import { readJson, whileLocked } from "@nnunet/core/node";
import { caseBytes, refuseLargeCases } from "./case-memory.ts";
import { type CaseWork, overCases, type PoolOptions } from "../workers/case-pool.ts";
import { type Measured, type MeasureTask, measureCaseFiles } from "../workers/case-tasks.ts";
import { placeOf, type Staged } from "../workers/stage-place.ts";
import { recordImages, warnOfIdenticalImages } from "./identical-images.ts";
import { warnOfImages } from "./image-warnings.ts";
import { hashCases } from "./hash-cases.ts";
import { preprocessedPaths } from "../folders.ts";
import { contentHash, recordedHash, recordHash } from "../records/made-from.ts";
import { keepEdited, originOf, writeOwn } from "../records/own-files.ts";
import { type Context, defaultStages, identity } from "../stages.ts";
import { timedStage } from "./timed-stage.ts";

export interface FingerprintResult {
  readonly fingerprint: Fingerprint;
  readonly path: string;
  /** False if the one on disk was made from the same bytes. */
  readonly made: boolean;
}

/**
 * Raw dataset → `dataset_fingerprint.json`. Cases are measured in parallel; their number of workers changes nothing.
 *
 * A fingerprint that another tool made is never replaced: it is used, with a warning, if it fits the dataset.
 *
 * @throws {FileError} if it does not
 */
export async function fingerprintDataset(
  { stages, folders }: Context,
  dataset: RawDataset,
  options: PoolOptions = {},
): Promise<FingerprintResult> {
  const paths = preprocessedPaths(folders, dataset.name);
  const extractor = stages.fingerprintExtractor;
  const total = dataset.trainingCases.length;
  const warn = (text: string) => options.onEvent?.({ type: "message", stage: "fingerprint", level: "warning", text });
  const measure = () =>
    timedStage(
      "fingerprint",
      { total, detail: `${counted(total, "case")} of ${dataset.name}` },
      options,
      async (): Promise<{ result: FingerprintResult; detail: string }> => {
        const origin = await originOf(paths.madeFrom, "fingerprint", paths.fingerprint);
        if (origin === "foreign") {
          const fingerprint = await foreignFingerprint(paths.fingerprint, dataset, warn);
          return { result: { fingerprint, path: paths.fingerprint, made: false }, detail: "another tool's, kept" };
        }
        const place = placeOf(extractor, defaultStages.fingerprintExtractor, "fingerprint", options);
        const run = place.workers ? "measure" : (task: MeasureTask) => measureCaseFiles(extractor, task);
        const tasks: CaseWork<Staged<MeasureTask>>[] = [];
        // a dataset.json may say otherwise, and nnU-Net v2 counts the cases as well
        const ofAll = { ...dataset.json, numTraining: total };
        // Here and not in the later stages as well, so that each oddness is told once.
        const onWarning = options.verified ? undefined : warnOfImages("fingerprint", options.onEvent);
        for (const files of dataset.trainingCases) {
          tasks.push({
            id: files.id,
            bytes: await caseBytes(files, [0, 1, 2], [], onWarning),
            input: { files, dataset: ofAll, ...(place.workers && { stage: place.module }) },
          });
        }
        refuseLargeCases("measuring", tasks, options);
        const inputHashes = options.inputHashes ?? (await hashCases("fingerprint", dataset.trainingCases, options));
        const inputs = fingerprintInputs(extractor, dataset, inputHashes);
        if (origin !== "absent" && (await recordedHash(paths.madeFrom, "fingerprint")) === inputs) {
          const fingerprint = fingerprintFromJson(await readJson(paths.fingerprint), paths.fingerprint);
          return { result: { fingerprint, path: paths.fingerprint, made: false }, detail: "up to date" };
        }
        const images = new Map<string, string>();
        const measurements = await measureAll(extractor, (keep) =>
          overCases<Staged<MeasureTask>, Measured<unknown>, unknown>("fingerprint", tasks, run, options, (measured) => {
            images.set(measured.id, measured.image);
            return keep(measured.measurement);
          }),
        );
        const combined = extractor.combine(measurements, dataset.json);
        if (extractor !== defaultStages.fingerprintExtractor) checkCombined(combined, extractor.name, total);
        const fingerprint = { ...combined, extractor: identity(extractor) };
        if (origin === "edited") {
          warn(`${paths.fingerprint} was edited by hand; kept as ${await keepEdited(paths.fingerprint)}`);
        }
        if (["absent", "ours"].includes(await originOf(paths.madeFrom, "dataset", paths.dataset))) {
          await writeOwn(paths.madeFrom, "dataset", paths.dataset, datasetToJson(dataset.json));
        }
        await writeOwn(paths.madeFrom, "fingerprint", paths.fingerprint, fingerprintToJson(fingerprint));
        await recordImages(folders, dataset, images);
        await recordHash(paths.madeFrom, "fingerprint", inputs);
        return { result: { fingerprint, path: paths.fingerprint, made: true }, detail: paths.fingerprint };
      },
    );
  const { signal, onEvent } = options;
  const result = await whileLocked(paths.fingerprint, "measuring", measure, {
    wait: { stage: "fingerprint" },
    signal,
    onEvent,
  });
  await warnOfIdenticalImages(folders, dataset, "fingerprint", { onEvent });
  return result;
}

/**
 * What an extractor of one's own made, if it can be read back from its file and is of all cases.
 *
 * @throws {FileError} if it is no fingerprint
 * @throws {InvalidArtifactError} naming the field
 */
function checkCombined(made: unknown, extractor: string, cases: number): void {
  const whose = `fingerprintExtractor ${extractor}`;
  const isFingerprint = typeof made === "object" && made !== null && "spacings" in made && "shapesAfterCrop" in made;
  if (!isFingerprint) {
    const what = made instanceof Promise ? "a promise: combine() is synchronous" : "none";
    throw new FileError(whose, `what its combine() returns is no fingerprint, but ${what}`);
  }
  const { spacings, shapesAfterCrop } = fingerprintFromJson(
    JSON.parse(JSON.stringify(fingerprintToJson(made as Fingerprint))),
    whose,
  );
  if (spacings.length === cases && shapesAfterCrop.length === cases) return;
  const counts = `${spacings.length} spacings and ${shapesAfterCrop.length} shapes`;
  throw new FileError(whose, `combine() gives ${counts}, expected one per case (${cases})`);
}

/** Whether {@link fingerprintDataset} would keep what is there: made from the same bytes, or by another tool. */
export async function isMeasured(
  { stages, folders }: Context,
  dataset: RawDataset,
  inputHashes: ReadonlyMap<string, string>,
): Promise<boolean> {
  const { madeFrom, fingerprint } = preprocessedPaths(folders, dataset.name);
  const origin = await originOf(madeFrom, "fingerprint", fingerprint);
  if (origin === "absent" || origin === "foreign") return origin === "foreign";
  const inputs = fingerprintInputs(stages.fingerprintExtractor, dataset, inputHashes);
  return (await recordedHash(madeFrom, "fingerprint")) === inputs;
}

/** Of what is measured. 2: also of voxels drawn as nnU-Net v2 draws them. */
const FORM = 2;

function fingerprintInputs(
  extractor: FingerprintExtractor,
  dataset: RawDataset,
  inputHashes: ReadonlyMap<string, string>,
): string {
  const hashes = dataset.trainingCases.map(({ id }) => inputHashes.get(id));
  return contentHash([identity(extractor), datasetToJson(dataset.json), hashes, FORM]);
}

/** @throws {FileError} if it is of another dataset, by its numbers of cases and channels */
async function foreignFingerprint(
  path: string,
  { name, trainingCases, json }: RawDataset,
  warn: (text: string) => void,
): Promise<Fingerprint> {
  const fingerprint = fingerprintFromJson(await readJson(path), path);
  const cases = fingerprint.spacings.length;
  const { length: channels } = shownIntensities(fingerprint);
  if (cases !== trainingCases.length || channels !== json.channelNames.length) {
    const there = `${counted(cases, "case")} of ${counted(channels, "channel")}`;
    const here = `${counted(trainingCases.length, "case")} of ${counted(json.channelNames.length, "channel")}`;
    const problem = `was made by another tool, of ${there}, and ${name} has ${here}`;
    throw new FileError(path, `${problem}; move it away, and the dataset is measured anew`);
  }
  warn(`${path} was made by another tool; it is kept and used (moved away, it would be measured anew)`);
  return fingerprint;
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
