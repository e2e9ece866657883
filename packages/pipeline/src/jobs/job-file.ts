import { isJsonObject } from "@nnunet/core";
import { type Folders, preprocessedPaths } from "../folders.ts";
import { changeRecord, contentHash, readRecord } from "../records/made-from.ts";

import { type Job, type JobEstimate, plainJob } from "./job.ts";
import { joined } from "./job-warnings.ts";
import type { Run } from "./run.ts";
import { requestOf, type RunRequest } from "./run-options.ts";
import type { RunEffort } from "./run-work.ts";

/*
 * `jobs.json` of the preprocessed folder: the list of the latest run as it was asked for, which of its jobs failed, and what
 * each took and warned of when it was done last. What is done is not noted here: that is seen by content, whoever did it.
 */

/** Notes the list of a run; failures stay with the same options, until their jobs are tried again. */
export async function keepJobs(run: Run, jobs: readonly Job[], effort?: RunEffort): Promise<void> {
  const request = plain(requestOf(run.options));
  const list = jobs.map(plainJob);
  await changeRecord(pathOf(run), (record) => {
    const isSame = contentHash(record["request"]) === contentHash(request);
    const { effort: before, ...others } = record;
    const decided = effort ? plain(effort) : isSame ? before : undefined;
    const failed = isSame ? failuresIn(record) : {};
    return { ...others, request, ...(decided !== undefined && { effort: decided }), jobs: list, failed };
  });
}

/** How a job ended. */
export interface JobEnd {
  readonly id: string;
  /** What it has in common with other jobs that take the same time. */
  readonly of: string;
  /** Why it failed; absent if it did not. */
  readonly why?: string | undefined;
  /** Absent if it failed, or there was nothing to do: then what it took and warned of before stays. */
  readonly took?: JobEstimate | undefined;
  readonly warnings: readonly string[];
}

/** Notes how a job ended. */
export async function keepEnd(run: Run, { id, of, why, took, warnings }: JobEnd): Promise<void> {
  const warnedBy = (record: Readonly<Record<string, unknown>>) => {
    const before = warningsIn(record);
    return { ...before, [id]: took || why !== undefined ? [...warnings] : joined(before[id] ?? [], warnings) };
  };
  const found = await readRecord(pathOf(run));
  const isSame = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);
  const isTold = isSame(warnedBy(found)[id], warningsIn(found)[id] ?? []);
  if (took === undefined && failuresIn(found)[id] === why && isTold) return;
  await changeRecord(pathOf(run), (record) => {
    const { [id]: _, ...others } = failuresIn(record);
    const failed = why === undefined ? others : { ...others, [id]: why };
    const warned = Object.fromEntries(Object.entries(warnedBy(record)).filter(([, texts]) => texts.length > 0));
    return {
      ...record,
      failed,
      warned,
      took: took === undefined ? record["took"] : { ...tookIn(record), [id]: { ...took, of } },
    };
  });
}

/** The jobs of the latest run, why each failed that did, and what each took and warned of that was done by it or an earlier one. */
export async function keptJobs(folders: Folders, datasetName: string): Promise<readonly KeptJob[]> {
  const record = await readRecord(preprocessedPaths(folders, datasetName).jobs);
  const [failed, took, warned] = [failuresIn(record), tookIn(record), warningsIn(record)];
  const jobs = Array.isArray(record["jobs"]) ? (record["jobs"] as Partial<Job>[]) : [];
  return jobs.flatMap(({ id }) => {
    if (typeof id !== "string") return [];
    return [
      {
        id,
        ...(failed[id] !== undefined && { failed: failed[id] }),
        ...(took[id] && { took: { seconds: took[id].seconds, memoryGb: took[id].memoryGb } }),
        ...(warned[id] && { warnings: warned[id] }),
      },
    ];
  });
}

export interface KeptJob {
  readonly id: string;
  /** Why. */
  readonly failed?: string;
  readonly took?: JobEstimate;
  /** Sentences; they may name cases and folders. */
  readonly warnings?: readonly string[];
}

/** What a job took, and what it has in common with others that take the same. */
export interface Measure extends JobEstimate {
  readonly of?: string | undefined;
}

/** What each job took when it was done last, by id. */
export async function keptMeasures(run: Pick<Run, "context" | "dataset">): Promise<Readonly<Record<string, Measure>>> {
  return tookIn(await readRecord(pathOf(run)));
}

/** Why each job failed that did. */
export async function keptFailures(run: Pick<Run, "context" | "dataset">): Promise<Readonly<Record<string, string>>> {
  return failuresIn(await readRecord(pathOf(run)));
}

function failuresIn({ failed }: Readonly<Record<string, unknown>>): Readonly<Record<string, string>> {
  const known = typeof failed === "object" && failed !== null ? Object.entries(failed) : [];
  return Object.fromEntries(known.filter((entry): entry is [string, string] => typeof entry[1] === "string"));
}

function warningsIn({ warned }: Readonly<Record<string, unknown>>): Readonly<Record<string, readonly string[]>> {
  const isList = (entry: [string, unknown]): entry is [string, string[]] =>
    Array.isArray(entry[1]) && entry[1].every((text) => typeof text === "string");
  return Object.fromEntries(Object.entries(isJsonObject(warned) ? warned : {}).filter(isList));
}

function tookIn({ took }: Readonly<Record<string, unknown>>): Readonly<Record<string, Measure>> {
  const isMeasure = (entry: unknown): entry is Measure =>
    isJsonObject(entry) && typeof entry["seconds"] === "number" && typeof entry["memoryGb"] === "number";
  return Object.fromEntries(
    Object.entries(isJsonObject(took) ? took : {}).filter((entry): entry is [string, Measure] => isMeasure(entry[1])),
  );
}

/** What the latest run decided to do within its budget, if the same is asked for. */
export async function keptEffort(run: Run, hash: string): Promise<RunEffort | undefined> {
  const { effort } = await readRecord(pathOf(run));
  return isJsonObject(effort) && effort["of"] === hash ? (effort as unknown as RunEffort) : undefined;
}

/** What the latest run was asked for. */
export async function keptRequest(run: Pick<Run, "context" | "dataset">): Promise<RunRequest | undefined> {
  const { request } = await readRecord(pathOf(run));
  return typeof request === "object" && request !== null ? (request as RunRequest) : undefined;
}

function pathOf({ context, dataset }: Pick<Run, "context" | "dataset">): string {
  return preprocessedPaths(context.folders, dataset.name).jobs;
}

const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
