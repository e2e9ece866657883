import { readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * The folders of this process's control groups (a container's, those of a cluster's job) and of those above them, of
 * version 2 and, for one controller, of version 1; none where there are no such groups.
 */
export function groupFolders(controller: "memory" | "cpu"): string[] {
  const folders: string[] = [];
  for (const line of textOf("/proc/self/cgroup").split("\n")) {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (path === undefined || (controllers !== "" && !controllers!.split(",").includes(controller))) continue;
    const root = controllers === "" ? "/sys/fs/cgroup" : join("/sys/fs/cgroup", controller);
    const parts = path.split("/").filter(Boolean);
    for (let depth = parts.length; depth >= 0; depth--) folders.push(join(root, ...parts.slice(0, depth)));
  }
  return folders;
}

/** Of a file; "" if it cannot be read. */
export function textOf(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}
