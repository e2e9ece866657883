import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { isJsonObject } from "@nnunet/core";
import { appendLine, writeFileAtomic } from "@nnunet/core/node";
import type { EpochRecord } from "./checkpoint.ts";

const path = (folder: string) => join(folder, "training_log.ndjson");
const lineOf = (record: EpochRecord) => JSON.stringify({ time: new Date().toISOString(), ...record });

/** One line more in a training's log. */
export function appendRecord(folder: string, record: EpochRecord): Promise<void> {
  return appendLine(path(folder), lineOf(record));
}

/**
 * Adds the epochs to a log that a checkpoint has and it has not, and takes out what is no line: the process was killed after
 * the one, or in the middle of the other.
 *
 * @returns whether anything was missing
 */
export async function completeLog(folder: string, history: readonly EpochRecord[]): Promise<boolean> {
  const text = await readFile(path(folder), "utf8").catch(() => "");
  const lines = text.split("\n").filter(Boolean);
  const whole = lines.filter((line) => epochOf(line) !== undefined);
  const there = new Set(whole.map(epochOf));
  const missing = history.filter(({ epoch }) => !there.has(epoch));
  if (missing.length === 0 && whole.length === lines.length) return false;
  await writeFileAtomic(path(folder), [...whole, ...missing.map(lineOf)].map((line) => `${line}\n`).join(""));
  return true;
}

function epochOf(line: string): number | undefined {
  try {
    const record: unknown = JSON.parse(line);
    return isJsonObject(record) && typeof record["epoch"] === "number" ? record["epoch"] : undefined;
  } catch {
    return undefined;
  }
}
