import { readFileSync } from "node:fs";
import { freemem } from "node:os";
import { join } from "node:path";

/**
 * Bytes that a process may still take: what the machine has free, or less where its control groups (a container, a
 * cluster's job) allow less. Pages that only cache files count as free, because the system gives them back.
 */
export function freeMemory(): number {
  return Math.min(freemem(), ...groupFolders().map(freeInGroup));
}

/** The folders of this process's control groups and of those above them, versions 1 and 2. */
function groupFolders(): string[] {
  const folders: string[] = [];
  for (const line of textOf("/proc/self/cgroup").split("\n")) {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (path === undefined || (controllers !== "" && !controllers!.split(",").includes("memory"))) continue;
    const root = controllers === "" ? "/sys/fs/cgroup" : "/sys/fs/cgroup/memory";
    const parts = path.split("/").filter(Boolean);
    for (let depth = parts.length; depth >= 0; depth--) folders.push(join(root, ...parts.slice(0, depth)));
  }
  return folders;
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
  const cache = (name: string) => Number(new RegExp(`^(?:total_)?${name} (\\d+)$`, "m").exec(statistics)?.[1] ?? 0);
  return Math.max(0, limit - used + cache("inactive_file") + cache("active_file"));
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}
