import { counted } from "@nnunet/core";
import type { DatasetStatus, JobState } from "@nnunet/pipeline";
import { shellWord } from "../next-hint.ts";
import { formatDuration } from "./durations.ts";
import { textTable } from "./text-table.ts";

/**
 * How far each job of a run is, what it needs, what it took or is expected to take, and lines that sum up. A time without
 * "about" was measured when the job was done.
 */
export function describeJobs({ dataset, jobs, complete, measuring }: DatasetStatus): string[] {
  const rows = jobs.map(({ id, state, needs, afterFailures, estimate }) => [
    id,
    state.is,
    afterFailures ? "the others, done or failed" : shownNeeds(needs),
    estimate ? `${state.is === "done" ? "" : "about "}${formatDuration(estimate.seconds)}` : "",
    estimate ? `${estimate.memoryGb.toFixed(1)} GB` : "",
    remarkOf(state),
  ]);
  const left = jobs.filter(({ state }) => state.is !== "done");
  const known = left.filter(({ estimate }) => estimate);
  const unknown = left.filter(({ estimate }) => !estimate).map(({ id }) => id);
  const seconds = known.reduce((total, { estimate }) => total + estimate!.seconds, 0);
  const besides = unknown.length > 0 ? `, besides ${shownNeeds(unknown)}, which nothing is known of yet` : "";
  const count = (is: JobState["is"]) => jobs.filter(({ state }) => state.is === is).length;
  const states = (["done", "running", "failed", "to do"] as const).filter((is) => count(is) > 0);
  return [
    ...textTable(["job", "state", "needs", "time", "memory", ""], rows),
    "",
    `${dataset}: ${counted(jobs.length, "job")}, ${states.map((is) => `${count(is)} ${is}`).join(", ")}`,
    ...(measuring === undefined ? [] : [`At work: ${measuring}`]),
    ...(known.length > 0 ? [`What is to do takes about ${formatDuration(seconds)} on this machine${besides}.`] : []),
    ...(complete ? [] : ["What follows is known when the dataset has been measured and planned."]),
  ];
}

/** @example shownNeeds(["split", "train 2d 0", "train 2d 1", "train 2d 2"]); // "split, train 2d 0–2" */
function shownNeeds(ids: readonly string[]): string {
  const folds = new Map<string, string[]>();
  for (const id of ids) {
    const [, stem, last] = /^(train .+) (\S+)$/.exec(id) ?? [undefined, id, undefined];
    folds.set(stem!, [...(folds.get(stem!) ?? []), ...(last === undefined ? [] : [last])]);
  }
  return [...folds].map(([stem, of]) => [stem, ...(of.length > 0 ? [shownFolds(of)] : [])].join(" ")).join(", ");
}

function shownFolds(folds: readonly string[]): string {
  const isRow = folds.length > 2 && folds.every((fold, i) => i === 0 || Number(fold) === Number(folds[i - 1]) + 1);
  return isRow ? `${folds[0]}–${folds.at(-1)}` : folds.join(" ");
}

/** The command of each job that is not done, as a shell takes it. */
export function describeCommands({ jobs }: DatasetStatus): string[] {
  const left = jobs.filter(({ state }) => state.is !== "done");
  if (left.length === 0) return [];
  const lines = left.map(({ command }) => `  nnunet ${command.map(shellWord).join(" ")}`);
  return [
    "",
    "Each is a command by itself, in this order, where nnUNet_raw, nnUNet_preprocessed and nnUNet_results are set as for this one:",
    ...lines,
  ];
}

function remarkOf(state: JobState): string {
  return state.is === "running" ? state.by : state.is === "failed" ? state.why : "";
}
