import { preprocessedPaths } from "../folders.ts";
import { changeRecord, contentHash, readRecord } from "../records/made-from.ts";
import { type Job, plainJob } from "./job.ts";
import type { Run } from "./run.ts";
import { requestOf, type RunRequest } from "./run-options.ts";

/*
 * `jobs.json` of the preprocessed folder: the list of the latest run as it was asked for, and which of its jobs failed.
 * What is done is not noted here: that is seen by content, whoever did it.
 */

/** Notes the list of a run; failures stay with the same options, until their jobs are tried again. */
export async function keepJobs(run: Run, jobs: readonly Job[]): Promise<void> {
  const request = plain(requestOf(run.options));
  const list = jobs.map(plainJob);
  await changeRecord(pathOf(run), (record) => {
    const failed = contentHash(record["request"]) === contentHash(request) ? failuresIn(record) : {};
    return { ...record, request, jobs: list, failed };
  });
}

/** Notes why a job failed; undefined for one that did not. */
export async function keepFailure(run: Run, id: string, why: string | undefined): Promise<void> {
  if (failuresIn(await readRecord(pathOf(run)))[id] === why) return;
  await changeRecord(pathOf(run), (record) => {
    const { [id]: _, ...others } = failuresIn(record);
    return { ...record, failed: why === undefined ? others : { ...others, [id]: why } };
  });
}

/** Why each job failed that did. */
export async function keptFailures(run: Pick<Run, "context" | "dataset">): Promise<Readonly<Record<string, string>>> {
  return failuresIn(await readRecord(pathOf(run)));
}

function failuresIn({ failed }: Readonly<Record<string, unknown>>): Readonly<Record<string, string>> {
  const known = typeof failed === "object" && failed !== null ? Object.entries(failed) : [];
  return Object.fromEntries(known.filter((entry): entry is [string, string] => typeof entry[1] === "string"));
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
