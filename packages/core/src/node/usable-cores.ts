import { availableParallelism } from "node:os";
import { join } from "node:path";
import { groupFolders, textOf } from "./control-groups.ts";

/**
 * How many threads can really compute at a time: the cores that this process may run on, or fewer where its control groups
 * give it less time.
 */
export function usableCores(): number {
  return Math.min(availableParallelism(), coresOfGroups() ?? Number.POSITIVE_INFINITY);
}

/**
 * As many cores as the time is worth that the control groups of this process give it (a container with `--cpus 2`, a
 * cluster's job), a part of a core counted as one; undefined where none sets a limit. More threads than that wait for each
 * other while the system holds them all back.
 *
 * @param folders - of the groups
 */
export function coresOfGroups(folders: readonly string[] = groupFolders("cpu")): number | undefined {
  const least = Math.min(...folders.map(coresOfGroup));
  return Number.isFinite(least) ? least : undefined;
}

/** Infinity where the group sets no limit. */
function coresOfGroup(folder: string): number {
  const both = textOf(join(folder, "cpu.max")).trim(); // "200000 100000", microseconds in each period; "max 100000"
  const apart = () => [textOf(join(folder, "cpu.cfs_quota_us")), textOf(join(folder, "cpu.cfs_period_us"))];
  const [quota, period] = (both ? both.split(" ") : apart()).map((text) => Number.parseInt(text, 10));
  return quota! > 0 && period! > 0 ? Math.max(1, Math.ceil(quota! / period!)) : Number.POSITIVE_INFINITY;
}
