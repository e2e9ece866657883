import { execFileSync } from "node:child_process";
import { lstatSync, readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";
import { ownMark } from "./temporaries.ts";

/** Who holds a lock, as its file says. */
export interface LockHolder {
  readonly pid: number;
  readonly host: string;
  /** Process ids mean something within one namespace only (a container has its own); "" where there are none. */
  readonly pidNamespace: string;
  /** When the process started, in whatever form the system tells it; tells a process from a later one of its number. */
  readonly processStart: string;
  /** ISO 8601, when the lock was taken. */
  readonly since: string;
  /** The command line, cut after 200 characters. */
  readonly command: string;
  /** "training fold 0", … */
  readonly work: string;
  /** Random: tells one lock from the next of the same process. */
  readonly token: string;
  /** What the names of its temporary files have in common; absent in locks of an earlier version. */
  readonly mark?: string;
}

/** This process as a holder. */
export function thisProcess(work: string, token: string): LockHolder {
  return {
    pid: process.pid,
    host: hostname(),
    pidNamespace: pidNamespace(),
    processStart: processStart(process.pid) ?? "",
    since: new Date().toISOString(),
    command: ["nnunet", ...process.argv.slice(2)].join(" ").slice(0, 200),
    work,
    token,
    mark: ownMark,
  };
}

/** What a lock file says; "none" if there is no such file, "unreadable" if it is not one of ours, or not yet whole. */
export function readHolder(path: string): LockHolder | "none" | "unreadable" {
  try {
    const found = lstatSync(path);
    // Nobody's link is followed and nobody's pipe waited for.
    if (!found.isFile() || found.size > 10_000) return "unreadable";
    const json = JSON.parse(readFileSync(path, "utf8")) as Record<keyof LockHolder, unknown> | null;
    const isWhole =
      Number.isSafeInteger(json?.pid) &&
      (["host", "pidNamespace", "processStart", "since", "command", "work", "token"] as const).every(
        (key) => typeof json?.[key] === "string",
      );
    return isWhole ? (json as unknown as LockHolder) : "unreadable";
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT" ? "none" : "unreadable";
  }
}

/** Whether the process ids of a holder are ours, so that it can be seen whether it lives. */
export function isOnThisMachine({ host, pidNamespace: namespace }: LockHolder): boolean {
  return host === hostname() && namespace === pidNamespace();
}

/** Whether a holder on this machine has ended: no process has its number, or one that started at another time. */
export function hasEnded({ pid, processStart: began }: LockHolder): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return true; // EPERM: somebody else's, alive
  }
  const now = processStart(pid);
  return now !== undefined && began !== "" && now !== began;
}

/** Undefined where the system does not tell; "ended" of a process that nobody has buried yet. */
function processStart(pid: number): string | undefined {
  try {
    if (process.platform === "linux") {
      const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
      // The name stands in parentheses and may hold anything; state is the first field after it, start time the 20th.
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      if (fields[0] === "Z" || fields[0] === "X") return "ended";
      return `${readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim()} ${fields[19]}`;
    }
    if (process.platform === "darwin") {
      return execFileSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "latin1" }).trim() || undefined;
    }
  } catch {
    // not told
  }
  return undefined;
}

function pidNamespace(): string {
  try {
    return process.platform === "linux" ? readlinkSync("/proc/self/ns/pid") : "";
  } catch {
    return "";
  }
}
