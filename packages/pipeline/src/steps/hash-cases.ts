import type { CaseFiles } from "@nnunet/core";
import { overCases, type PoolOptions } from "../workers/case-pool.ts";

/**
 * SHA-256 of the bytes of every case's files, in worker threads. It is quick, so it shows no bar of its own.
 *
 * @param stage - named in errors
 * @returns hash per case id
 */
export async function hashCases(
  stage: string,
  cases: readonly CaseFiles[],
  { workers, signal }: PoolOptions,
): Promise<Map<string, string>> {
  const tasks = cases.map((input) => ({ id: input.id, bytes: 0, input }));
  const hashes = await overCases<CaseFiles, string>(stage, tasks, "hash", { workers, signal });
  return new Map(cases.map((files, i) => [files.id, hashes[i]!]));
}
