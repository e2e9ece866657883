import { tmpdir } from "node:os";
import { join } from "node:path";
import { gigabytes, LimitError } from "@nnunet/core";
import { freeDisk, ScratchFile } from "@nnunet/core/node";
import type { NumberRoom } from "@nnunet/preprocess";

/** Where what memory has no room for lies if nobody says otherwise. */
export const defaultScratch = join(tmpdir(), "nnunet");

/**
 * Files for a preprocessed image.
 *
 * @param bytes - that prediction will need on disk
 * @throws {LimitError} if the disk has less room
 */
export function roomOnDisk(caseId: string, bytes: number, beside = defaultScratch): NumberRoom {
  refuseFullDisk(caseId, bytes, beside);
  return { open: () => new ScratchFile(beside) };
}

export function refuseFullDisk(caseId: string, bytes: number, beside: string): void {
  const room = freeDisk(beside);
  if (bytes <= room) return;
  const needs = `${gigabytes(bytes)} of disk beside ${beside}`;
  const hint = "free some space, or allow more memory with `maxMemoryGb`";
  throw new LimitError(`predicting case ${caseId}`, needs, `only ${gigabytes(room)} are free`, hint);
}
