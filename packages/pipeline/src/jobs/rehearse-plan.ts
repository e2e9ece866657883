import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { copyFileAtomic, makeFolder } from "@nnunet/core/node";
import { preprocessedPaths } from "../folders.ts";
import { fingerprintDataset } from "../steps/fingerprint-dataset.ts";
import { type PlanResult, planDataset } from "../steps/plan-dataset.ts";
import { planningOf } from "../variants/run-of-variant.ts";
import type { Run } from "./run.ts";

/**
 * The plan that a run would follow, and whether it is there: fingerprint and plan are made as the run would make them,
 * in a copy of what lies in the preprocessed folder. Nothing of the user's is written.
 */
export async function rehearsePlan({ context, dataset, options, inputHashes }: Run): Promise<PlanResult> {
  const { signal, onEvent, workers, maxMemoryGb } = options;
  const scratch = await mkdtemp(join(tmpdir(), "nnunet-plan-"));
  try {
    const there = preprocessedPaths(context.folders, dataset.name).folder;
    const copied = { ...context, folders: { ...context.folders, preprocessed: scratch } };
    const copy = preprocessedPaths(copied.folders, dataset.name).folder;
    await makeFolder(copy);
    for (const name of await readdir(there).catch(() => [])) {
      if (name.endsWith(".json") && !name.startsWith(".")) await copyFileAtomic(join(there, name), join(copy, name));
    }
    const pool = { workers, maxMemoryGb, signal, inputHashes, verified: true };
    const measured = await fingerprintDataset(copied, dataset, { ...pool, onEvent: quietly(onEvent) });
    const planned = await planDataset(copied, dataset, { ...planningOf(options), keep: true, signal });
    const path = preprocessedPaths(context.folders, dataset.name).plans(planned.plans.plansName);
    return { ...planned, path, made: planned.made || measured.made };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Progress alone: what is odd is told by the run itself. */
function quietly(onEvent: Run["options"]["onEvent"]): Run["options"]["onEvent"] {
  return onEvent && ((event) => event.type === "progress" && onEvent(event));
}
