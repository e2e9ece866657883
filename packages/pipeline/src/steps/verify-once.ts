import { join } from "node:path";
import {
  counted,
  datasetToJson,
  InvalidArtifactError,
  type RawDataset,
  type StageOptions,
  throwIfCancelled,
} from "@nnunet/core";
import { openDataset, type VerificationReport, verifyDataset } from "@nnunet/io";
import { preprocessedPaths } from "../folders.ts";
import { contentHash, recordedHash, recordHash } from "../records/made-from.ts";
import { softwareVersion } from "../software-version.ts";
import type { Context } from "../stages.ts";
import { hashCases } from "./hash-cases.ts";

/**
 * The integrity check; skipped while no file of the dataset has changed since it passed.
 *
 * @throws {InvalidArtifactError} the first problem, and how many more there are
 */
export async function verifyOnce(
  context: Context,
  dataset: RawDataset,
  inputHashes: ReadonlyMap<string, string>,
  options: StageOptions,
): Promise<void> {
  if (await isVerified(context, dataset, inputHashes)) return;
  const report = await verifyDataset(dataset.folder, options);
  const first = report.problems.find((problem) => problem.severity === "error");
  if (first) {
    const count = report.problems.filter((problem) => problem.severity === "error").length;
    const more = count > 1 ? `, and ${counted(count - 1, "more problem")}` : "";
    throw new InvalidArtifactError(
      join(dataset.folder, first.file),
      "",
      `${first.problem}; ${first.fix}${more} (\`verify(${dataset.id})\` lists every problem)`,
    );
  }
  for (const { file, problem, fix } of report.problems) {
    options.onEvent?.({ type: "message", stage: "verify", level: "warning", text: `${file}: ${problem}; ${fix}` });
  }
  await recordVerified(context, dataset, inputHashes);
}

/**
 * The integrity check with all that it finds, whatever that is.
 *
 * @param options.record - note that the dataset passed, so that a run need not look again
 */
export async function verifyFolder(
  context: Context,
  folder: string,
  { record = false, ...options }: StageOptions & { readonly record?: boolean } = {},
): Promise<VerificationReport> {
  if (!record) return verifyDataset(folder, options);
  // Before it is looked at: a file that changes meanwhile has not passed. What cannot be read is in the report.
  const read = async () => {
    const dataset = await openDataset(folder);
    return { dataset, hashes: await hashCases("verify", dataset.trainingCases, options) };
  };
  const before = await read().catch(() => undefined);
  throwIfCancelled(options.signal, "verification");
  const report = await verifyDataset(folder, options);
  if (report.ok && before) await recordVerified(context, before.dataset, before.hashes);
  return report;
}

async function recordVerified(
  { folders }: Context,
  dataset: RawDataset,
  inputHashes: ReadonlyMap<string, string>,
): Promise<void> {
  const { madeFrom } = preprocessedPaths(folders, dataset.name);
  await recordHash(madeFrom, "verified", verifiedInputs(dataset, inputHashes));
}

/** Whether the check has passed for exactly these files. */
export async function isVerified(
  { folders }: Context,
  dataset: RawDataset,
  inputHashes: ReadonlyMap<string, string>,
): Promise<boolean> {
  const { madeFrom } = preprocessedPaths(folders, dataset.name);
  return (await recordedHash(madeFrom, "verified")) === verifiedInputs(dataset, inputHashes);
}

function verifiedInputs(dataset: RawDataset, inputHashes: ReadonlyMap<string, string>): string {
  return contentHash([softwareVersion, datasetToJson(dataset.json), [...inputHashes]]);
}
