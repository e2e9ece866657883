import { freemem } from "node:os";
import { join } from "node:path";
import { groupFolders, textOf } from "./control-groups.ts";

/**
 * Bytes that a process may still take: what the machine has free, or less where its control groups (a container, a
 * cluster's job) allow less. Pages that only cache files count as free, because the system gives them back.
 *
 * @param folders - of the groups
 */
export function freeMemory(folders: readonly string[] = groupFolders("memory")): number {
  return Math.min(freemem(), ...folders.map(freeInGroup));
}

/** Infinity where the group sets no limit. */
function freeInGroup(folder: string): number {
  const number = (...names: readonly string[]) => {
    for (const name of names) {
      const value = Number.parseInt(textOf(join(folder, name)), 10); // "max" is no number
      if (Number.isFinite(value)) return value;
    }
    return undefined;
  };
  const limit = number("memory.max", "memory.limit_in_bytes");
  const used = number("memory.current", "memory.usage_in_bytes");
  if (limit === undefined || used === undefined) return Number.POSITIVE_INFINITY;
  const statistics = textOf(join(folder, "memory.stat"));
  const numberOf = (name: string) => new RegExp(`^${name} (\\d+)$`, "m").exec(statistics)?.[1];
  // version 1 counts the groups below it in "total_" alone, but always in what is used
  const cache = (name: string) => Number(numberOf(`total_${name}`) ?? numberOf(name) ?? 0);
  return Math.max(0, limit - used + cache("inactive_file") + cache("active_file"));
}
