import { counted } from "@nnunet/core";
import type { DatasetStatus, JobState } from "@nnunet/pipeline";
import { shellWord } from "../next-hint.ts";
import { formatDuration } from "./durations.ts";
import { textTable } from "./text-table.ts";

/** How far each job of a run is, what is known of it, and one line that sums up. */
export function describeJobs({ dataset, jobs, complete }: DatasetStatus): string[] {
  const rows = jobs.map(({ id, state, estimate }) => [
    id,
    state.is,
    estimate ? formatDuration(estimate.seconds) : "",
    estimate ? `${estimate.memoryGb.toFixed(1)} GB` : "",
    remarkOf(state),
  ]);
  const left = jobs.filter(({ state, estimate }) => state.is !== "done" && estimate);
  const seconds = left.reduce((total, { estimate }) => total + estimate!.seconds, 0);
  const count = (is: JobState["is"]) => jobs.filter(({ state }) => state.is === is).length;
  const states = (["done", "running", "failed", "to do"] as const).filter((is) => count(is) > 0);
  return [
    ...textTable(["job", "state", "takes", "memory", ""], rows),
    "",
    `${dataset}: ${counted(jobs.length, "job")}, ${states.map((is) => `${count(is)} ${is}`).join(", ")}`,
    ...(left.length > 0 ? [`What is to do takes about ${formatDuration(seconds)} on this machine.`] : []),
    ...(complete ? [] : ["What follows is known when the dataset has been measured and planned."]),
  ];
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
