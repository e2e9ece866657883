import { tmpdir } from "node:os";
import { join } from "node:path";
import { gigabytes, LimitError } from "@nnunet/core";
import { freeDisk, ScratchFile } from "@nnunet/core/node";
import type { NumberRoom } from "@nnunet/preprocess";

/** Where what memory has no room for lies if nobody says otherwise. */
export const defaultScratch = join(tmpdir(), "nnunet");

/** Files for a preprocessed image. */
export function roomOnDisk(beside = defaultScratch): NumberRoom {
  return { open: () => new ScratchFile(beside) };
}

/**
 * Before anything is done: the files come one after the other, the last one after minutes of work.
 *
 * @param bytes - that prediction will need on disk, all files together
 * @throws {LimitError} if the disk has less room
 */
export function refuseFullDisk(caseId: string, bytes: number, beside = defaultScratch): void {
  const room = freeDisk(beside);
  if (bytes <= room) return;
  const needs = `${gigabytes(bytes)} of disk beside ${beside}`;
  const hint = "free some space, or allow more memory with `maxMemoryGb`";
  throw new LimitError(`predicting case ${caseId}`, needs, `only ${gigabytes(room)} are free`, hint);
}
