import { readFileSync, readlinkSync } from "node:fs";
import { basename } from "node:path";

const SIGHUP_BIT = 1n; // signal 1 is bit 0

/**
 * Whether whoever started this process wanted it to outlive its terminal: `nohup`, or a script with `trap '' HUP`.
 *
 * Node sets every ignored signal back to its default before any script runs, so the answer is not in this process any
 * more. It is in what nohup leaves behind: the shell's `$_`, a stdin that can only be written, output to `nohup.out`;
 * or in the parent, where a script ignores the signal.
 */
export function hangupIgnored(
  environment: Readonly<Record<string, string | undefined>> = process.env,
  parent: number = process.ppid,
): boolean {
  if (basename(environment["_"] ?? "") === "nohup") return true;
  const ignored = /^SigIgn:\s*([0-9a-f]+)/m.exec(textOf(`/proc/${parent}/status`))?.[1];
  if (ignored !== undefined && (BigInt(`0x${ignored}`) & SIGHUP_BIT) !== 0n) return true;
  const flags = /^flags:\s*([0-7]+)/m.exec(textOf("/proc/self/fdinfo/0"))?.[1];
  if (flags !== undefined && (Number.parseInt(flags, 8) & 3) === 1 && linkOf(0) === "/dev/null") return true;
  return [1, 2].some((descriptor) => basename(linkOf(descriptor)) === "nohup.out");
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return ""; // no /proc on this system
  }
}

function linkOf(descriptor: number): string {
  try {
    return readlinkSync(`/proc/self/fd/${descriptor}`);
  } catch {
    return "";
  }
}
